"""Frames and the time while an engine is built, which takes longer than any of them may wait."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.engine import Engine
from engines.errors import EngineError
from engines.pool import EnginePool
from engines.profile import Profile
from engines.selection import ChosenEngine
from stream.capture import open_source
from stream.capture.source import SourceState
from stream.deblurring import Deblurring
from stream.frame import ProcessedFrame
from stream.pipeline import Pipeline
from tests.conftest import MakeClip
from tests.stream.whole_runs import Keeper, SlowToBuild


def test_time_does_not_run_while_a_camera_waits_for_its_engine(quick: Profile) -> None:
    def late() -> EnginePool:
        time.sleep(2)
        return EnginePool(quick, precision="f32")

    keeper = Keeper()
    camera = open_source("synthetic:160x96@30")
    Pipeline([camera], [keeper], Deblurring(late, "on"), seconds=1.0).run()
    stamps = [frame.captured.captured_ns for frame in keeper.frames[1:]]  # the first one waited
    assert (stamps[-1] - stamps[0]) / 1e9 > 0.5


class FailsAtTheFifth:
    def __init__(self, engine: Engine) -> None:
        self.facts = engine.facts
        self._engine = engine
        self._calls = 0

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self._calls += 1
        if self._calls == 5:
            raise EngineError("it fell off the bus")
        return self._engine(frames)


class BreaksOnce(SlowToBuild):
    broken = False

    def engine_for(self, height: int, width: int) -> ChosenEngine:
        chosen = super().engine_for(height, width)
        if not self.broken:
            self.broken = True
            chosen = replace(chosen, engine=FailsAtTheFifth(chosen.engine))
            self._engines[height, width] = chosen
        return chosen


class Aged(Keeper):
    """Keeps how old each frame was when it came, too."""

    def __init__(self) -> None:
        super().__init__()
        self.ages_s: list[float] = []

    def write(self, frame: ProcessedFrame) -> None:
        self.ages_s.append((time.perf_counter_ns() - frame.captured.captured_ns) / 1e9)
        super().write(frame)


def test_time_does_not_run_while_the_next_engine_is_built(quick: Profile) -> None:
    keeper = Keeper()
    camera = open_source("synthetic:160x96@30")
    deblurring = Deblurring(lambda: BreaksOnce(quick, precision="f32"), "on")
    Pipeline([camera], [keeper], deblurring, seconds=0.7).run()
    stamps = np.diff([frame.captured.captured_ns for frame in keeper.frames]) / 1e9
    assert stamps.argmax() < len(stamps) - 3, "it ends with what was under way"


def run_until(pipeline: Pipeline, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    pipeline.start()
    while pipeline.step_main_thread(0.02):
        if done():
            pipeline.stop()
        assert time.monotonic() < deadline
    pipeline.close()


@pytest.mark.parametrize(("pool", "builds"), [(SlowToBuild, 1), (BreaksOnce, 2)])
def test_frames_that_were_taken_before_their_engine_was_built_do_not_come_after_it(
    quick: Profile, pool: type[EnginePool], builds: int
) -> None:
    aged = Aged()
    camera = open_source("synthetic:160x96@30")
    camera.own_clock = True  # it runs while the engine is built
    engines = Deblurring(lambda: pool(quick, precision="f32"), "on")
    pipeline = Pipeline([camera], [aged], engines)
    run_until(pipeline, lambda: len(aged.frames) > 10)  # one that breaks does so before
    assert pipeline.problems == []
    assert max(aged.ages_s) < 0.5, "an engine takes a second to build"
    left_out = np.diff(aged.sequences, prepend=-1) - 1
    while_built = np.sort(left_out)[-builds:]
    assert while_built.min() > 20
    for_that_reason = pipeline.ledger.dropped["engine_building"]
    assert for_that_reason > 0.9 * while_built.sum(), "few are left out by what the engine does"
    assert pipeline.ledger.in_flight == 0


def test_deblurring_that_is_switched_on_midway_shows_no_old_frames(quick: Profile) -> None:
    aged = Aged()
    deblurring = Deblurring(lambda: SlowToBuild(quick, precision="f32"), "off")
    pipeline = Pipeline([open_source("synthetic:160x96@30")], [aged], deblurring)

    def deblurred() -> bool:
        if len(aged.frames) >= 10:
            deblurring.mode = "on"
        return bool(aged.frames) and not aged.frames[-1].bypassed

    run_until(pipeline, deblurred)
    assert max(aged.ages_s) < 0.5
    assert pipeline.ledger.dropped["engine_building"] > 20


def test_file_loses_nothing_to_the_building_of_its_engine(
    quick: Profile, make_clip: MakeClip
) -> None:
    keeper = Keeper()
    deblurring = Deblurring(lambda: SlowToBuild(quick, precision="f32"), "on")
    Pipeline([open_source(str(make_clip()))], [keeper], deblurring).run()
    assert keeper.sequences == list(range(25))


@pytest.mark.parametrize("cameras", [False, True])
def test_a_run_that_is_stopped_builds_no_engine_for_sources_that_have_not_begun(
    quick: Profile, make_clip: MakeClip, cameras: bool
) -> None:
    widths = (160, 192, 224)
    uris = [str(make_clip(f"{width}.mkv", width=width)) for width in widths]
    if cameras:
        uris = [f"synthetic:{width}x96@30" for width in widths]
    sources = [open_source(uri) for uri in uris]
    for number, source in enumerate(sources):
        source.name, source.own_clock = f"source-{number}", cameras
    deblurring = Deblurring(lambda: SlowToBuild(quick, precision="f32"), "on")
    pipeline = Pipeline(sources, [Keeper()], deblurring)
    pipeline.start()
    while not deblurring.building:
        pipeline.step_main_thread(0.02)
    pipeline.close()
    assert deblurring.builds == 1
    assert pipeline.problems == []
    assert pipeline.ledger.in_flight == 0
    assert {status.state for status in pipeline.statuses} == {SourceState.ENDED}
