"""Frames and the time while an engine is built, which takes longer than any of them may wait."""

import time
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
from stream.deblurring import Deblurring
from stream.frame import ProcessedFrame
from stream.pipeline import Pipeline
from tests.conftest import MakeClip
from tests.stream.keeper import Keeper


def test_time_does_not_run_while_a_camera_waits_for_its_engine(quick: Profile) -> None:
    def late() -> EnginePool:
        time.sleep(2)
        return EnginePool(quick, precision="f32")

    keeper = Keeper()
    camera = open_source("synthetic:160x96@30")
    Pipeline([camera], [keeper], Deblurring(late, "on"), seconds=1.0).run()
    stamps = [frame.captured.captured_ns for frame in keeper.frames[1:]]  # the first one waited
    assert (stamps[-1] - stamps[0]) / 1e9 > 0.5


class SlowToBuild(EnginePool):
    """Takes a second more for an engine, and builds it again when it failed."""

    def engine_for(self, height: int, width: int) -> ChosenEngine:
        if (height, width) not in self._engines:
            time.sleep(1)
        return super().engine_for(height, width)

    def give_up(self, chosen: ChosenEngine, reason: str) -> None:
        self._engines.clear()


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


@pytest.mark.parametrize("pool", [SlowToBuild, BreaksOnce])
def test_frames_that_were_taken_before_their_engine_was_built_do_not_come_after_it(
    quick: Profile, pool: type[EnginePool]
) -> None:
    aged = Aged()
    camera = open_source("synthetic:160x96@30?seconds=5")
    camera.own_clock = True  # it runs while the engine is built
    engines = Deblurring(lambda: pool(quick, precision="f32"), "on")
    pipeline = Pipeline([camera], [aged], engines)
    pipeline.run()
    assert pipeline.problems == []
    assert len(aged.frames) >= 5
    assert max(aged.ages_s) < 0.5, "an engine takes a second to build"
    dropped = pipeline.ledger.dropped
    assert dropped["engine_building"] > (20 if pool is SlowToBuild else 40)
    assert dropped.get("engine_busy", 0) < 10
    assert pipeline.ledger.in_flight == 0


def test_deblurring_that_is_switched_on_midway_shows_no_old_frames(quick: Profile) -> None:
    aged = Aged()
    deblurring = Deblurring(lambda: SlowToBuild(quick, precision="f32"), "off")
    pipeline = Pipeline([open_source("synthetic:160x96@30?seconds=3")], [aged], deblurring)
    pipeline.start()
    while pipeline.step_main_thread(0.02):
        if len(aged.frames) == 10:
            deblurring.mode = "on"
    pipeline.close()
    assert not aged.frames[-1].bypassed
    assert max(aged.ages_s) < 0.5
    assert pipeline.ledger.dropped["engine_building"] > 20


def test_file_loses_nothing_to_the_building_of_its_engine(
    quick: Profile, make_clip: MakeClip
) -> None:
    keeper = Keeper()
    deblurring = Deblurring(lambda: SlowToBuild(quick, precision="f32"), "on")
    Pipeline([open_source(str(make_clip()))], [keeper], deblurring).run()
    assert keeper.sequences == list(range(25))
