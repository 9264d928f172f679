"""Capture → engine → outputs: owns the threads, and their end."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from stream.capture.source import Source, SourceState, SourceStatus
from stream.capture.worker import CaptureWorker
from stream.deblurring import Deblurring
from stream.engine_worker import EngineWorker
from stream.frame import ProcessedFrame
from stream.hands.landmarks import TrackedFrame
from stream.hands.surroundings import SIDES_PX
from stream.hands.tracking import HandSettings, HandTracking
from stream.metrics import Ledger
from stream.output.output import Delivery, Output, OutputWorker
from stream.run_time import RunTime

_STEP_S = 0.05
_OUTPUT_PATIENCE_S = 30.0
"""How long the end waits for a slow disk to take the rest of a recording."""
_DRIVER_PATIENCE_S = 2.0
"""How long it waits for a thread that hangs in a driver; the process may end without it."""
_HURRY_S = 1.0
"""How long it waits for outputs to close where there is no patience at all."""


class Pipeline:
    """One run from sources through one engine to outputs.

    Live sources: one frame in flight, the newest waiting, older ones dropped and counted, also
    those that were taken before their engine was built. Files: every frame, the reader waits. A
    window must be driven by :meth:`step_main_thread`.

    Args:
        batch_wait_ms: with several live sources, how long the engine waits for their frames to be
            in one batch.
        hands: track hands, and how; None for not at all.
        found: takes what the tracker found in each frame that it looked at, from its thread.
        seconds: end this long after the first frame; or where none came for this long once the
            engine was ready, which is a problem.
        say: takes a line for each change that the user should know of; called from any thread.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        outputs: Sequence[Output],
        deblurring: Deblurring,
        *,
        batch_wait_ms: float = 0.0,
        hands: HandSettings | None = None,
        found: Callable[[TrackedFrame], None] = lambda tracked: None,
        seconds: float | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.deblurring = deblurring
        self.ledger = Ledger()
        self.ledgers: dict[str, Ledger] = {}
        self.started_ns = 0
        self.ended_ns: int | None = None
        self._stopped_at: float | None = None
        self._time = RunTime(seconds, lambda: self.ledger.first_captured_ns)
        self._silent: set[str] = set()
        self._say = say
        self._seconds = seconds
        self._engine = EngineWorker(
            deblurring,
            batch_wait_ms=batch_wait_ms,
            live=lambda: sum(status.state is SourceState.LIVE for status in self.statuses),
            run_time=self._time,
            computing=self._computing,
            hand_over=self._take,
            finished=self._engine_finished,
        )
        self._workers: list[CaptureWorker] = []
        for source in sources:
            self._add(source)
        self.outputs = [
            OutputWorker(
                output,
                lossless={s.name: output.every_frame and not s.live for s in sources},
                room_made=self._look_again,
                say=say,
            )
            for output in outputs
        ]
        self.hands: HandTracking | None = None
        if hands is not None:
            self.hands = HandTracking(
                hands,
                lossless={source.name: not source.live for source in sources},
                hand_over=self._hand_over,
                has_room=self._outputs_have_room,
                room_made=self._engine.look_again,
                found=found,
                say=say,
            )
            if hands.region:
                deblurring.region_of = self.hands.region_of
                deblurring.region_sides = SIDES_PX

    @property
    def statuses(self) -> list[SourceStatus]:
        return [worker.status for worker in self._workers]

    @property
    def engine_failure(self) -> str | None:
        """Why nothing is deblurred any more, which ends the run."""
        return self._engine.failure

    def start(self) -> None:
        """Begin.

        Raises:
            StreamError: the hand tracker does not start.
        """
        if self.hands is not None:
            self.hands.start()
        self.started_ns = self._time.start()
        for output in self.outputs:
            if not output.output.main_thread:
                output.start()
        self._engine.start()
        for worker in self._workers:
            worker.start()

    def run(self) -> None:
        """From start to close, where nobody needs the main thread for anything else.

        Raises:
            StreamError: the hand tracker does not start.
        """
        self.start()
        try:
            while self.step_main_thread(_STEP_S):
                pass
        finally:
            self.close()

    def stop(self) -> None:
        """Ask for the end: no new frames, what is in flight is finished. May be called again."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        for worker in self._workers:
            worker.stop()
        self._engine.stop()

    def step_main_thread(self, timeout_s: float) -> bool:
        """Drive the outputs of the main thread for a moment and look after the end.

        Returns:
            False when the run is over and :meth:`close` is due.
        """
        mine = [output for output in self.outputs if output.output.main_thread]
        active = [output.step(timeout_s / len(mine)) for output in mine]
        if not any(active):
            self._engine.join(timeout_s)
        for worker in self._workers:
            worker.watch()
        if self._stopped_at is None and self._time.over:
            self._silent = {name for name, own in self.ledgers.items() if not own.captured}
            self.stop()
        if all(output.over for output in self.outputs):
            self.stop()
        if (
            self._stopped_at is not None
            and time.monotonic() > self._stopped_at + _OUTPUT_PATIENCE_S
        ):
            return False
        return self._engine.is_alive or any(not output.join(0) for output in mine)

    def close(self) -> None:
        """Wait for the threads, close the outputs, account for what is left."""
        self.stop()
        assert self._stopped_at is not None
        deadline = self._stopped_at + _OUTPUT_PATIENCE_S
        self._engine.join(max(0.1, deadline - time.monotonic()))
        self._close_outputs(deadline)
        for worker in self._workers:
            worker.join(_DRIVER_PATIENCE_S)
        self._engine.empty()
        self.ended_ns = time.perf_counter_ns()

    def abandon(self) -> None:
        """Instead of :meth:`close`: do not wait for the engine, only close what outputs have."""
        self.stop()
        self._close_outputs(time.monotonic() + _HURRY_S)
        self.ended_ns = time.perf_counter_ns()

    def _close_outputs(self, deadline: float) -> None:
        """Let them write what they have; those that are not done in time are given up."""
        for output in self.outputs:
            output.finish()
            if output.output.main_thread:
                while output.step(0):
                    pass
        for output in self.outputs:
            if not output.join(max(0.1, deadline - time.monotonic())):
                output.give_up()

    @property
    def problems(self) -> list[str]:
        """Why the job failed, in lines for the user; empty where it did not."""
        found = [self.engine_failure] if self.engine_failure else []
        for status in self.statuses:
            if status.state is SourceState.FAILED:
                found.append(status.reason)
            elif status.name in self._silent:
                found.append(f"{status.uri} sent no frame in {self._seconds:g} s")
        found += [output.failure for output in self.outputs if output.failure]
        if self.hands is not None and self.hands.failure:
            found.append(self.hands.failure)
        return found

    def _add(self, source: Source) -> None:
        ledger = self.ledgers[source.name] = Ledger(self.ledger)
        inlet = self._engine.inlet(
            source.name,
            live=source.live,
            ledger=ledger,
            has_room=lambda: self._has_room(source.name),
        )

        def finished() -> None:
            inlet.box.close()
            if len(self._workers) > 1 and worker.status.state is SourceState.FAILED:
                self._say(f"{source.name} has failed: {worker.status.reason}")

        worker = CaptureWorker(
            source,
            deliver=inlet.deliver,
            prepare=self._engine.prepare,
            finished=finished,
            say=self._say,
            misfit=self.deblurring.misfit,
        )
        self._workers.append(worker)

    def _engine_finished(self) -> None:
        self.stop()
        if self.hands is not None:
            self.hands.finish()
        for output in self.outputs:
            output.finish()

    def _computing(self) -> AbstractContextManager[None]:
        """Where hands are tracked, the trackers of live sources give way to the engine."""
        return self.hands.giving_way() if self.hands is not None else nullcontext()

    def _take(self, frame: ProcessedFrame) -> None:
        """To the tracker first, where there is one."""
        if self.hands is not None:
            self.hands.post(frame)
        else:
            self._hand_over(frame)

    def _has_room(self, source: str) -> bool:
        """Whether a frame can be taken on without the engine waiting for an output, or a tracker,
        that is not done with the one before; frames of live sources go on meanwhile."""
        if self.hands is not None:
            return self.hands.has_room(source)
        return self._outputs_have_room(source)

    def _outputs_have_room(self, source: str) -> bool:
        return all(output.has_room(source) for output in self.outputs)

    def _look_again(self) -> None:
        self._engine.look_again()
        if self.hands is not None:
            self.hands.look_again()

    def _hand_over(self, frame: ProcessedFrame) -> None:
        ledger = self.ledgers[frame.captured.source]
        delivery = Delivery(frame, len(self.outputs), ledger)
        for output in self.outputs:
            output.post(delivery)
