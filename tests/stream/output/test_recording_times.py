"""When a recording begins, how its time goes on, and which rate it tells."""

from dataclasses import replace
from pathlib import Path

import av
import pytest

from engines.pool import EnginePool
from stream.capture import open_source
from stream.capture.synthetic import read_number
from stream.deblurring import Deblurring
from stream.output.recording import Recording
from stream.pipeline import Pipeline
from tests.conftest import MakeClip, picture, read_clip
from tests.stream.output.test_recording import SUFFIXES, processed, record


@SUFFIXES
def test_time_goes_on_after_a_gap_of_hours(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    late_s = 14 * 3600.0
    times = [0.0, 0.1, late_s, late_s + 0.1, late_s + 0.2]
    record(path, [(t, picture(i)) for i, t in enumerate(times)])
    found = {read_number(pixels): pts for pts, pixels in reversed(read_clip(path))}
    assert [found[i] for i in range(5)] == pytest.approx(times, abs=0.001)


@SUFFIXES
@pytest.mark.parametrize("begins_s", [50_000.0, -1.0])
def test_begins_at_zero_whenever_the_source_does(
    tmp_path: Path, suffix: str, begins_s: float
) -> None:
    path = tmp_path / f"out{suffix}"
    record(path, [(begins_s + i / 10, picture(i)) for i in range(5)])
    assert [pts for pts, _ in read_clip(path)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.001)
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(0.5e6, abs=2000)


def test_own_times_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.mkv", own_times=True)
    for i in range(3):
        recording.write(processed(picture(i), 6.0 + i / 10))
    recording.close()
    assert [pts for pts, _ in read_clip(tmp_path / "out.mkv")] == pytest.approx([6.0, 6.1, 6.2])


@SUFFIXES
def test_tells_the_rate_of_its_source(make_clip: MakeClip, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    deblurring = Deblurring(EnginePool, "off")  # type: ignore[arg-type]
    Pipeline([open_source(str(make_clip()))], [Recording(path)], deblurring).run()
    assert open_source(str(path)).open().info.fps == 25


@pytest.mark.parametrize(("fps", "told"), [(24000 / 1001, 24000 / 1001), (1 / 3600, 1 / 1001)])
def test_rate_of_film_is_told_exactly_and_a_very_slow_one_as_the_slowest(
    tmp_path: Path, fps: float, told: float
) -> None:
    path = tmp_path / "out.mkv"
    frame = processed(picture(0), 0.0)
    recording = Recording(path)
    recording.write(replace(frame, captured=replace(frame.captured, fps=fps)))
    recording.close()
    assert open_source(str(path)).open().info.fps == pytest.approx(told, rel=1e-6)
