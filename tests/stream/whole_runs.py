"""What tests of whole runs share: a run to its end, an output to look into, a slow engine."""

import time

from engines.pool import EnginePool
from engines.profile import Profile
from engines.selection import ChosenEngine
from stream.capture.source import Source
from stream.deblurring import DeblurMode, Deblurring
from stream.errors import OutputError
from stream.frame import ProcessedFrame
from stream.output.null import Null
from stream.output.output import Output
from stream.pipeline import Pipeline


def run(
    profile: Profile,
    sources: list[Source],
    outputs: list[Output],
    *,
    mode: DeblurMode = "on",
    seconds: float | None = None,
    batch_wait_ms: float = 0.0,
) -> Pipeline:
    def engines() -> EnginePool:
        return EnginePool(profile, precision="f32", max_batch=len(sources))

    pipeline = Pipeline(
        sources,
        outputs,
        Deblurring(engines, mode),
        seconds=seconds,
        batch_wait_ms=batch_wait_ms,
    )
    pipeline.start()
    deadline = time.monotonic() + 60
    while pipeline.step_main_thread(0.02):
        assert time.monotonic() < deadline
    pipeline.close()
    ledger = pipeline.ledger
    assert ledger.in_flight == 0, "every captured frame was output, or dropped for a cause"
    assert ledger.captured == sum(status.frames for status in pipeline.statuses)
    for status in pipeline.statuses:
        own = pipeline.ledgers[status.name]
        assert own.in_flight == 0
        assert own.captured == status.frames
    assert ledger.output == sum(own.output for own in pipeline.ledgers.values())
    return pipeline


class Keeper(Null):
    """Keeps what it gets; slow or failing on request."""

    def __init__(self, *, delay_s: float = 0.0, fail_at: int | None = None) -> None:
        self.frames: list[ProcessedFrame] = []
        self.closed = 0
        self._delay_s = delay_s
        self._fail_at = fail_at

    def write(self, frame: ProcessedFrame) -> None:
        time.sleep(self._delay_s)
        if len(self.frames) == self._fail_at:
            raise OutputError("the disk is full")
        self.frames.append(frame)

    def close(self) -> None:
        self.closed += 1

    @property
    def sequences(self) -> list[int]:
        return [frame.captured.sequence for frame in self.frames]


class SlowToBuild(EnginePool):
    """Takes a second more for an engine, and builds it again when it failed."""

    def engine_for(self, height: int, width: int) -> ChosenEngine:
        if (height, width) not in self._engines:
            time.sleep(1)
        return super().engine_for(height, width)

    def give_up(self, chosen: ChosenEngine, reason: str) -> None:
        self._engines.clear()
