"""Sources whose frames are larger than an engine takes."""

import numpy as np

from engines.pool import EnginePool
from engines.profile import Profile
from stream.capture import open_source
from stream.capture.source import Source, SourceState
from stream.controls import RunControls
from stream.deblurring import Deblurring
from stream.frame import Frame
from stream.pipeline import Pipeline
from tests.conftest import MakeClip
from tests.stream.capture.test_network import wait_for
from tests.stream.whole_runs import Keeper, run


def small_and_large() -> list[Source]:
    sources = [open_source(f"synthetic:{size}@0?seconds=0.2") for size in ("160x96", "5000x2000")]
    sources[0].name, sources[1].name = "small", "large"
    return sources


def test_source_of_frames_that_are_too_large_fails_alone(quick: Profile) -> None:
    keeper = Keeper()
    pipeline = run(quick, small_and_large(), [keeper])
    assert [frame.captured.source for frame in keeper.frames] == ["small"] * 6
    assert [status.state for status in pipeline.statuses] == [SourceState.ENDED, SourceState.FAILED]
    (problem,) = pipeline.problems
    assert "synthetic:5000x2000" in problem and "--size 1920x1080" in problem


def test_source_whose_frames_become_too_large_fails_alone(
    quick: Profile, make_clip: MakeClip
) -> None:
    coded = {"codec": "libx264", "pixel_format": "yuv420p", "options": {"preset": "ultrafast"}}
    small = make_clip("small.ts", **coded)
    large = make_clip("large.ts", width=4992, height=2048, pts_ms=[0, 40], **coded)
    both = small.with_name("both.ts")
    both.write_bytes(small.read_bytes() + large.read_bytes())
    keeper = Keeper()
    pipeline = run(quick, [open_source(str(both)), open_source(str(make_clip()))], [keeper])
    assert sorted(f.captured.source for f in keeper.frames) == ["both"] * 25 + ["clip"] * 25
    assert [status.state for status in pipeline.statuses] == [SourceState.FAILED, SourceState.ENDED]
    assert "frames of 4992x2048" in pipeline.problems[0]


def test_frames_of_any_size_pass_where_nothing_is_deblurred(quick: Profile) -> None:
    keeper = Keeper()
    pipeline = run(quick, small_and_large(), [keeper], mode="off")
    assert sorted(f.captured.source for f in keeper.frames) == ["large"] * 6 + ["small"] * 6
    assert pipeline.problems == []


def test_frames_of_any_size_still_pass_when_deblurring_is_switched_on(quick: Profile) -> None:
    """As by `d` in the window."""
    keeper = Keeper()
    deblurring = Deblurring(lambda: EnginePool(quick), "off")
    pipeline = Pipeline([open_source("synthetic:5000x2000@10")], [keeper], deblurring)
    pipeline.start()
    try:
        wait_for(lambda: keeper.frames, 10)
        RunControls(pipeline).pressed("d")
        assert deblurring.mode == "auto"
        before = len(keeper.frames)
        wait_for(lambda: len(keeper.frames) > before + 3, 10)
    finally:
        pipeline.close()
    assert pipeline.problems == []


def test_frame_that_waits_when_deblurring_is_switched_on_passes_as_it_came() -> None:
    deblurring = Deblurring(EnginePool, "on")  # type: ignore[arg-type]
    pixels = np.zeros((2000, 5000, 3), np.uint8)
    frame = Frame(
        pixels=pixels, source="large", sequence=0, pts_s=0.0, captured_ns=0, posted_ns=0, fps=None
    )
    assert deblurring.is_ready(2000, 5000)
    (passed,) = deblurring.process([frame])
    assert passed.bypassed and passed.pixels is pixels
