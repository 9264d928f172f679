import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from engines.selfcheck import psnr_db
from stream.capture import open_source
from stream.capture.synthetic import read_number
from stream.errors import OutputError
from stream.frame import Frame, ProcessedFrame
from stream.output import open_output
from stream.output.letterbox import letterboxed
from stream.output.recording import Recording
from tests.conftest import ROOT, picture, read_clip, run_python

SUFFIXES = pytest.mark.parametrize("suffix", [".mp4", ".mkv"])


def processed(pixels: NDArray[np.uint8], pts_s: float, source: str = "cam") -> ProcessedFrame:
    frame = Frame(pixels=pixels, source=source, sequence=0, pts_s=pts_s, captured_ns=0, posted_ns=0)
    return ProcessedFrame(
        captured=frame, pixels=pixels, bypassed=False, blur=None, taken_ns=0, finished_ns=0
    )


def record(path: Path, pictures: list[tuple[float, NDArray[np.uint8]]]) -> None:
    recording = open_output(str(path))
    for pts_s, pixels in pictures:
        recording.write(processed(pixels, pts_s))
    recording.close()


@SUFFIXES
def test_every_frame_at_its_own_time(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    times = [0.0, 0.04, 0.0999, 0.1, 1.0, 1.3333, 7.5]
    record(path, [(t, picture(i)) for i, t in enumerate(times)])
    found = read_clip(path)
    assert [pts for pts, _ in found] == pytest.approx(times, abs=0.001)
    assert [read_number(pixels) for _, pixels in found] == list(range(7))


@SUFFIXES
@pytest.mark.parametrize("height", [240, 720])
def test_colours_come_back(tmp_path: Path, suffix: str, height: int) -> None:
    path = tmp_path / f"out{suffix}"
    pixels = np.zeros((height, 320, 3), np.uint8)
    for column, colour in enumerate([(200, 30, 30), (30, 200, 30), (30, 30, 200), (250, 250, 250)]):
        pixels[:, column * 80 : (column + 1) * 80] = colour
    record(path, [(0.0, pixels)])
    ((_, found),) = read_clip(path)
    assert np.abs(found[10, 40::80].astype(int) - pixels[10, 40::80]).max() <= 4


@SUFFIXES
@pytest.mark.parametrize("size", [(1, 1), (33, 71), (96, 161)])
def test_odd_sizes_are_padded_by_a_line(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"out{suffix}"
    pixels = picture(3, width=size[1], height=size[0])
    record(path, [(0.0, pixels)])
    ((_, found),) = read_clip(path)
    assert found.shape[:2] == (size[0] + size[0] % 2, size[1] + size[1] % 2)


@SUFFIXES
@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ([0.0, 1.0, 2.0, 3.0, 4.0], 5.0),
        ([0.0, 0.04, 0.08], 0.12),
        ([0.0, 60.0], 65.0),
        ([0.0, 0.5, 0.75], 1.0),
        ([0.0], 1 / 30),
    ],
)
def test_last_picture_lasts_as_long_as_the_one_before(
    tmp_path: Path, suffix: str, times: list[float], seconds: float
) -> None:
    path = tmp_path / f"out{suffix}"
    record(path, [(t, picture(i)) for i, t in enumerate(times)])
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(seconds * 1e6, abs=2000)
    assert [pts for pts, _ in read_clip(path)] == pytest.approx(times, abs=0.001)


def test_times_that_stand_still_or_go_back_are_pushed_on(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    record(path, [(t, picture(i)) for i, t in enumerate([0.0, 1.0, 1.0, 0.5, 2.0])])
    times = [pts for pts, _ in read_clip(path)]
    assert times == sorted(times)
    assert times == pytest.approx([0, 1, 1, 1, 2], abs=0.001)


def test_size_that_changes_is_fitted_into_the_first(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"
    record(path, [(0.0, picture(0)), (0.1, picture(1, width=320, height=96))])
    shapes = [pixels.shape for _, pixels in read_clip(path)]
    assert shapes == [(96, 160, 3)] * 2


def test_letterbox_keeps_the_shape_of_things() -> None:
    fitted = letterboxed(np.full((100, 200, 3), 255, np.uint8), 100, 100)
    assert not fitted[:24].any()
    assert fitted[26:74].min() > 250


@SUFFIXES
def test_finished_file_seeks_like_any_other(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    record(path, [(i / 30, picture(i)) for i in range(120)])
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(4e6, abs=1e5)
        container.seek(3_000_000)
        frame = next(container.decode(video=0))
        assert frame.time is not None
        assert 1.9 < frame.time <= 3.01


def test_several_sources_make_a_file_each(tmp_path: Path) -> None:
    recording = open_output(str(tmp_path / "out.mkv"), sources=("left", "right"))
    recording.write(processed(picture(0), 0.0, "left"))
    recording.write(processed(picture(1), 0.0, "right"))
    recording.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out-left.mkv", "out-right.mkv"]


@pytest.mark.parametrize("name", ["2026-11-03T12:00:00.mp4", "take:1.mkv"])
def test_colon_in_a_name_is_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path(name), [(0.0, picture(0))])
    assert len(read_clip(tmp_path / name)) == 1


@pytest.mark.parametrize(("source", "name"), [("::1", "__1"), ('a/b\\*?"<|>', "a_b_______")])
def test_source_gives_a_name_that_every_system_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    recording = open_output("out.mp4", sources=(source, "other"))
    recording.write(processed(picture(0), 0.0, source))
    recording.close()
    assert len(read_clip(tmp_path / f"out-{name}.mp4")) == 1


def test_sources_with_long_names_or_with_names_alike_make_a_file_each(tmp_path: Path) -> None:
    long = "あ" * 83
    sources = (long, f"{long}-2", "Cam", "cam", "a:b", "a?b", "cam-2")
    recording = open_output(str(tmp_path / "out.mkv"), sources=sources)
    for number, source in enumerate(sources):
        recording.write(processed(picture(number), 0.0, source))
    recording.close()
    names = [path.name for path in tmp_path.iterdir()]
    assert len({name.casefold() for name in names}) == len(sources)
    assert sorted(names)[:4] == [
        "out-Cam.mkv", "out-a_b-2.mkv", "out-a_b.mkv", "out-cam-2-2.mkv",
    ]  # fmt: skip


@SUFFIXES
def test_file_that_cannot_be_made_is_not_said_to_play(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "unplugged"
    folder.mkdir()
    recording = open_output(str(folder / f"out{suffix}"))
    folder.rmdir()
    with pytest.raises(OutputError, match="cannot be written: No such file") as raised:
        recording.write(processed(picture(0), 0.0))
    assert "plays" not in str(raised.value)
    recording.close()


@pytest.mark.parametrize("name", ["no/folder/out.mp4", "out.avi", "out", ".", "ftp://x/out.mp4"])
def test_impossible_targets_are_refused_at_once(tmp_path: Path, name: str) -> None:
    target = name if "://" in name else str(tmp_path / name)
    with pytest.raises(OutputError):
        open_output(target)


def test_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.mp4")
    with pytest.raises(OutputError, match="pipe"):
        open_output(str(tmp_path / "out.mp4"))


def test_old_file_stays_until_the_first_frame_comes(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"precious")
    Recording(path).close()
    assert path.read_bytes() == b"precious"


WRITER = """
import sys, time
from pathlib import Path
from stream.output.recording import Recording
from tests.conftest import picture
from tests.stream.output.test_recording import processed
recording = Recording(Path(sys.argv[1]))
start, number = time.perf_counter(), 0
while True:
    due = number / 30
    time.sleep(max(0, start + due - time.perf_counter()))
    recording.write(processed(picture(number), due))
    print(number, flush=True)
    number += 1
"""


@SUFFIXES
def test_recording_plays_up_to_a_second_before_a_kill(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    written = 0
    deadline = time.monotonic() + 60
    while written < 100 and time.monotonic() < deadline:
        written = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().split()
    writer.wait()
    written = int(rest[-1]) if rest else written
    found = read_clip(path)
    assert found[-1][0] >= written / 30 - 1.0
    assert [read_number(pixels) for _, pixels in found] == list(range(len(found)))


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from pathlib import Path
import numpy as np
from stream.errors import OutputError
from stream.output.recording import Recording
from tests.stream.output.test_recording import processed
recording = Recording(Path(sys.argv[1]))
random = np.random.default_rng(0)
try:
    for number in range(600):
        noise = random.integers(0, 256, (96, 160, 3), dtype=np.uint8)
        recording.write(processed(noise, number / 30))
except OutputError as error:
    print(error)
    try:
        recording.close()
    except OutputError:
        pass
"""


@SUFFIXES
def test_disk_that_is_full_is_an_error_and_what_was_written_plays(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    writer = run_python(FULL, str(path), "60000")
    assert writer.returncode == 0, writer.stderr
    assert "cannot be written" in writer.stdout
    assert "plays" in writer.stdout
    assert next(open_source(str(path)).open().pictures()).pixels.shape == (96, 160, 3)


@SUFFIXES
@pytest.mark.parametrize("limit", ["0", "1000"])
def test_disk_that_is_full_from_the_start_leaves_nothing_that_plays(
    tmp_path: Path, suffix: str, limit: str
) -> None:
    writer = run_python(FULL, str(tmp_path / f"out{suffix}"), limit)
    assert writer.returncode == 0, writer.stderr
    assert "cannot be written" in writer.stdout
    assert "plays" not in writer.stdout


def test_quality_is_nearly_transparent(tmp_path: Path) -> None:
    path = tmp_path / "out.mkv"
    y, x = np.mgrid[:96, :160]
    smooth = np.stack([x, y * 2, 255 - x], axis=-1).astype(np.uint8)
    record(path, [(0.0, smooth)])
    ((_, found),) = read_clip(path)
    assert psnr_db(found, smooth) > 38
