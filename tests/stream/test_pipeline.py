"""The pipeline with real sources, a real engine, and outputs that misbehave on purpose."""

import time
from collections import Counter
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from engines.pool import EnginePool
from engines.profile import Profile
from stream.capture import SourceOptions, open_source
from stream.capture.source import SourceState
from stream.capture.synthetic import read_number
from stream.deblurring import Deblurring
from stream.frame import ProcessedFrame
from stream.output.null import Null
from stream.pipeline import Pipeline
from tests.conftest import MakeClip, picture
from tests.stream.whole_runs import Keeper, run


def test_file_gives_every_frame_in_order(quick: Profile, make_clip: MakeClip) -> None:
    keeper = Keeper()
    pipeline = run(quick, [open_source(str(make_clip()))], [keeper])
    assert keeper.sequences == list(range(25))
    assert [read_number(f.captured.pixels) for f in keeper.frames] == list(range(25))
    assert pipeline.ledger.dropped == {}
    assert pipeline.problems == []
    assert keeper.closed == 1


def test_slow_output_holds_a_file_back_rather_than_lose_a_frame(
    quick: Profile, make_clip: MakeClip
) -> None:
    keeper = Keeper(delay_s=0.02)
    run(quick, [open_source(str(make_clip()))], [keeper])
    assert keeper.sequences == list(range(25))


def test_live_source_twice_as_fast_gives_the_newest(quick: Profile) -> None:
    keeper = Keeper()
    source = open_source("synthetic:480x320@400?seconds=2")
    pipeline = run(quick, [source], [keeper])
    assert pipeline.ledger.dropped["engine_busy"] > 50
    engine_ms = pipeline.ledger.latency_ms()["engine"]["p50"]
    wait_ms = pipeline.ledger.latency_ms()["wait"]["p50"]
    assert wait_ms < engine_ms + 5, "nothing waits for longer than one frame takes"
    assert keeper.sequences == sorted(keeper.sequences)


def test_slow_output_does_not_slow_a_fast_one(quick: Profile) -> None:
    slow, fast = Keeper(delay_s=0.3), Keeper()
    source = open_source("synthetic:160x96@30?seconds=2")
    pipeline = run(quick, [source], [slow, fast])
    assert len(fast.frames) > 50
    assert 3 <= len(slow.frames) <= 9
    slow_worker, fast_worker = pipeline.outputs
    assert slow_worker.written + slow_worker.dropped == fast_worker.written + fast_worker.dropped
    assert pipeline.ledger.output == max(len(fast.frames), len(slow.frames))


def test_failing_output_leaves_the_others_alone(quick: Profile, make_clip: MakeClip) -> None:
    failing, good = Keeper(fail_at=3), Keeper()
    pipeline = run(quick, [open_source(str(make_clip()))], [failing, good])
    assert good.sequences == list(range(25))
    assert len(failing.frames) == 3
    assert failing.closed == 1
    assert pipeline.problems == ["the disk is full"]


def test_run_ends_when_its_only_output_fails(quick: Profile) -> None:
    failing = Keeper(fail_at=2)
    pipeline = run(quick, [open_source("synthetic:160x96@30")], [failing])
    assert pipeline.problems == ["the disk is full"]
    assert pipeline.ledger.output == 2


def test_several_sources_share_an_engine(quick: Profile, make_clip: MakeClip) -> None:
    first = open_source(str(make_clip("a.mkv")))
    second = open_source(str(make_clip("b.mkv", pts_ms=range(0, 400, 40))))
    third = open_source(str(make_clip("c.mkv", width=192, height=128)))
    keeper = Keeper()
    pipeline = run(quick, [first, second, third], [keeper])
    by_source = {
        name: [f.captured.sequence for f in keeper.frames if f.captured.source == name]
        for name in "abc"
    }
    assert by_source == {"a": list(range(25)), "b": list(range(10)), "c": list(range(25))}
    alone = Keeper()
    run(quick, [open_source(first.uri)], [alone])
    shared = [f.pixels for f in keeper.frames if f.captured.source == "a"]
    for batched, single in zip(shared, alone.frames, strict=True):
        assert np.abs(batched.astype(int) - single.pixels).max() <= 1
    assert pipeline.problems == []


def test_cameras_share_a_batch_when_there_is_time_to_wait(quick: Profile) -> None:
    def share_of_full_batches(batch_wait_ms: float) -> float:
        keeper = Keeper()
        sources = [open_source("synthetic:160x96@15?seconds=2") for _ in range(3)]
        for number, source in enumerate(sources):
            source.name = f"camera-{number}"
        run(quick, sources, [keeper], batch_wait_ms=batch_wait_ms)
        batches = Counter(frame.taken_ns for frame in keeper.frames)
        return sum(size == 3 for size in batches.values()) / len(batches)

    assert share_of_full_batches(60.0) > 0.5


def test_cameras_do_not_push_each_other_out(quick: Profile) -> None:
    keeper = Keeper()
    sources = [open_source("synthetic:160x96@30?seconds=2") for _ in range(3)]
    for number, source in enumerate(sources):
        source.name = f"camera-{number}"
    pipeline = run(quick, sources, [keeper])
    shown = [sum(f.captured.source == s.name for f in keeper.frames) for s in sources]
    assert min(shown) > 0.7 * max(shown), "on a busy machine too, each has its share"
    assert pipeline.ledger.dropped.get("output_busy", 0) < sum(shown) / 10


def test_stall_is_counted_and_said_though_nobody_looks(quick: Profile) -> None:
    said: list[str] = []
    source = open_source("synthetic:160x96@30?seconds=5&stall=1%2B3")
    pipeline = Pipeline([source], [Null()], Deblurring(EnginePool, "off"), say=said.append)  # type: ignore[arg-type]
    pipeline.run()
    assert pipeline.statuses[0].stalls == 1
    stalled, back = said
    assert stalled.startswith("synthetic is stalled")
    assert back == "synthetic is live again"


class Hanging(Null):
    """A disk that never answers."""

    def __init__(self) -> None:
        self.release = Event()

    def write(self, frame: ProcessedFrame) -> None:
        self.release.wait(60)


def test_output_that_hangs_does_not_keep_the_run_from_ending(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.pipeline._OUTPUT_PATIENCE_S", 0.5)
    hanging = Hanging()
    source = open_source(str(make_clip()))
    pipeline = Pipeline([source], [hanging], Deblurring(EnginePool, "off"), seconds=0.5)  # type: ignore[arg-type]
    pipeline.start()
    start = time.monotonic()
    while pipeline.step_main_thread(0.02):
        assert time.monotonic() - start < 20
    pipeline.close()
    hanging.release.set()
    assert "hangs" in pipeline.problems[0]


class FailingWindow(Keeper):
    main_thread = True
    every_frame = False


class BreaksAtTheEnd(Keeper):
    def close(self) -> None:
        raise ValueError("something nobody thought of")


def test_failing_window_leaves_the_recording_beside_it_alone(
    quick: Profile, make_clip: MakeClip
) -> None:
    window, recording = FailingWindow(fail_at=1), Keeper()
    pipeline = run(quick, [open_source(str(make_clip()))], [window, recording])
    assert recording.sequences == list(range(25))
    assert pipeline.problems == ["the disk is full"]


def test_surprise_at_the_end_of_an_output_is_a_problem_not_a_crash(
    quick: Profile, make_clip: MakeClip
) -> None:
    other = Keeper()
    pipeline = run(quick, [open_source(str(make_clip()))], [BreaksAtTheEnd(), other])
    assert "something nobody thought of" in pipeline.problems[0]
    assert other.closed == 1


def test_broken_source_ends_alone(quick: Profile, make_clip: MakeClip, tmp_path: Path) -> None:
    keeper = Keeper()
    sources = [open_source(str(make_clip())), open_source(str(tmp_path / "missing.mp4"))]
    pipeline = run(quick, sources, [keeper])
    assert keeper.sequences == list(range(25))
    assert [s.state for s in pipeline.statuses] == [SourceState.ENDED, SourceState.FAILED]
    assert "does not exist" in pipeline.problems[0]


def test_seconds_end_an_endless_source(quick: Profile) -> None:
    keeper = Keeper()
    start = time.monotonic()
    pipeline = run(quick, [open_source("synthetic:160x96@30")], [keeper], seconds=3.0)
    assert 25 <= len(keeper.frames) <= 96  # a slow machine takes over a second for its engine
    assert time.monotonic() - start < 10
    assert pipeline.problems == []


def test_abandoned_run_closes_its_outputs_though_the_engine_does_not_answer(
    quick: Profile,
) -> None:
    hanging = Event()

    def never() -> EnginePool:
        hanging.wait(60)
        return EnginePool(quick, precision="f32")

    keeper = Keeper()
    deblurring = Deblurring(never, "off")
    pipeline = Pipeline([open_source("synthetic:160x96@30")], [keeper], deblurring)
    pipeline.start()
    while not deblurring.building:
        pipeline.step_main_thread(0.02)
        if len(keeper.frames) == 5:
            deblurring.mode = "on"
    start = time.monotonic()
    pipeline.abandon()
    assert time.monotonic() - start < 1
    assert keeper.closed == 1
    hanging.set()


def test_source_that_failed_is_told_once(quick: Profile, tmp_path: Path) -> None:
    sources = [open_source("synthetic:160x96@30"), open_source(str(tmp_path / "missing.mp4"))]
    pipeline = run(quick, sources, [Keeper()], mode="off", seconds=0.5)
    (problem,) = pipeline.problems
    assert "does not exist" in problem


def test_seconds_without_a_frame_are_a_problem(quick: Profile) -> None:
    silent = open_source("synthetic:160x96@30?stall=0%2B60")
    pipeline = run(quick, [silent], [Keeper()], seconds=0.5)
    assert pipeline.problems == [f"{silent.uri} sent no frame in 0.5 s"]


def test_realtime_file_drops_only_what_the_engine_cannot_take(
    quick: Profile, make_clip: MakeClip
) -> None:
    # five frames a second, as a machine that stands still for a moment is not what is tested
    clip = make_clip(codec="libx264", pixel_format="yuv420p", pts_ms=range(0, 5000, 200))
    keeper = Keeper()
    pipeline = run(quick, [open_source(str(clip), SourceOptions(realtime=True))], [keeper])
    assert len(keeper.frames) >= 23
    assert keeper.sequences == sorted(set(keeper.sequences))
    assert set(pipeline.ledger.dropped) <= {"engine_busy"}
    assert len(keeper.frames) + pipeline.ledger.dropped.get("engine_busy", 0) == 25


def test_off_changes_nothing_and_builds_no_engine(quick: Profile, make_clip: MakeClip) -> None:
    keeper = Keeper()
    pipeline = run(quick, [open_source(str(make_clip()))], [keeper], mode="off")
    assert pipeline.deblurring.chosen is None
    assert pipeline.ledger.bypassed == 25
    for number, frame in enumerate(keeper.frames):
        assert np.array_equal(frame.pixels, picture(number))


def test_auto_passes_sharp_frames_and_deblurs_blurred_ones(quick: Profile) -> None:
    sharp = Keeper()
    run(quick, [open_source("synthetic:320x240@0?seconds=1")], [sharp], mode="auto")
    assert [f.bypassed for f in sharp.frames] == [False] * 4 + [True] * 26
    assert all(f.blur is not None and f.blur < 0.15 for f in sharp.frames)
