"""Capture → engine → outputs: owns the threads, and their end."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from threading import Condition, Thread

from engines.errors import EngineError, ProfileError
from stream.batching import Waiting, wait_more_ms
from stream.capture.source import Source, SourceState, SourceStatus, StreamInfo
from stream.capture.worker import CaptureWorker
from stream.deblurring import Begun, Deblurring
from stream.errors import StreamError
from stream.frame import Frame, ProcessedFrame
from stream.hands.landmarks import TrackedFrame
from stream.hands.surroundings import SIDES_PX
from stream.hands.tracking import HandSettings, HandTracking
from stream.inlet import Inlet, SizeRequest
from stream.mailbox import Mailbox, take_ready
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
        self.failure: str | None = None
        self.started_ns = 0
        self.ended_ns: int | None = None
        self._stopped_at: float | None = None
        self._time = RunTime(seconds, lambda: self.ledger.first_captured_ns)
        self._silent: set[str] = set()
        self._say = say
        self._seconds = seconds
        self._batch_wait_ms = batch_wait_ms
        self._begun: Begun | None = None
        self._changed = Condition()
        self._requests: Mailbox[Frame | SizeRequest] = Mailbox(self._changed)
        self._inlets: dict[str, Inlet] = {}
        self._workers: list[CaptureWorker] = []
        for source in sources:
            self._add(source)
        self.outputs = [
            OutputWorker(
                output,
                lossless={s.name: output.every_frame and not s.live for s in sources},
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
                found=found,
                say=say,
            )
            if hands.region:
                deblurring.region_of = self.hands.region_of
                deblurring.region_sides = SIDES_PX
        self._engine_thread = Thread(target=self._run_engine, name="engine", daemon=True)

    @property
    def _boxes(self) -> list[Mailbox[Frame | SizeRequest]]:
        return [inlet.box for inlet in self._inlets.values()]

    @property
    def statuses(self) -> list[SourceStatus]:
        return [worker.status for worker in self._workers]

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
        self._engine_thread.start()
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
        for box in self._boxes:
            box.close()

    def step_main_thread(self, timeout_s: float) -> bool:
        """Drive the outputs of the main thread for a moment and look after the end.

        Returns:
            False when the run is over and :meth:`close` is due.
        """
        mine = [output for output in self.outputs if output.output.main_thread]
        active = [output.step(timeout_s / len(mine)) for output in mine]
        if not any(active):
            self._engine_thread.join(timeout_s)
        for worker in self._workers:
            worker.watch()
        if self._stopped_at is None and self._time.over:
            self._silent = {name for name, own in self.ledgers.items() if not own.captured}
            self.stop()
        if all(output.failure for output in self.outputs):
            self.stop()
        if (
            self._stopped_at is not None
            and time.monotonic() > self._stopped_at + _OUTPUT_PATIENCE_S
        ):
            return False
        return self._engine_thread.is_alive() or any(not output.join(0) for output in mine)

    def close(self) -> None:
        """Wait for the threads, close the outputs, account for what is left."""
        self.stop()
        assert self._stopped_at is not None
        deadline = self._stopped_at + _OUTPUT_PATIENCE_S
        self._engine_thread.join(max(0.1, deadline - time.monotonic()))
        self._close_outputs(deadline)
        for worker in self._workers:
            worker.join(_DRIVER_PATIENCE_S)
        for inlet in self._inlets.values():
            inlet.empty()
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
        found = [self.failure] if self.failure else []
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
        inlet = self._inlets[source.name] = Inlet(
            live=source.live,
            ledger=ledger,
            changed=self._changed,
            building=lambda: self.deblurring.building,
        )

        def finished() -> None:
            inlet.box.close()
            if len(self._workers) > 1 and worker.status.state is SourceState.FAILED:
                self._say(f"{source.name} has failed: {worker.status.reason}")

        worker = CaptureWorker(
            source,
            deliver=inlet.deliver,
            prepare=self._prepare,
            finished=finished,
            say=self._say,
        )
        self._workers.append(worker)

    def _prepare(self, info: StreamInfo) -> None:
        request = SizeRequest(info.height, info.width)
        if self._requests.put(request):
            request.done.wait()

    def _run_engine(self) -> None:
        try:
            while self._serve():
                pass
        except (EngineError, ProfileError, StreamError) as error:
            self.failure = str(error)
        except Exception as error:  # the top of a thread: the run must end with a reason
            self.failure = f"the engine failed unexpectedly: {type(error).__name__}: {error}"
        finally:
            self._requests.close()
            if (request := self._requests.take(0)) is not None:
                assert isinstance(request, SizeRequest)
                request.done.set()
            self.stop()
            if self.hands is not None:
                self.hands.finish()
            for output in self.outputs:
                output.finish()

    def _serve(self) -> bool:
        """Answer one size request or process one batch; False when no more can come."""
        if self._batch_wait_ms:
            self._wait_for_others()
        items = take_ready(
            [self._requests, *self._boxes],
            self._changed,
            stop=lambda: all(box.closed for box in self._boxes),
        )
        frames = [item for item in items if isinstance(item, Frame)]
        requests = [item for item in items if isinstance(item, SizeRequest)]
        processed: list[ProcessedFrame] = []
        builds = self.deblurring.builds
        try:
            self._prepare_engine({_size(item) for item in items})
            if self.deblurring.builds > builds:
                builds = self.deblurring.builds
                frames = [self._inlets[frame.source].newest(frame) for frame in frames]
            with self.hands.giving_way() if self.hands is not None else nullcontext():
                begun = self.deblurring.begin(frames)
                processed += self._finished()
                self._begun, frames = begun, []
                if not (begun.on_a_device and self._next_file_frame_waits()):
                    processed += self._finished()
        except BaseException:
            for lost in [*frames, *(self._begun.frames if self._begun is not None else [])]:
                self.ledgers[lost.source].count_dropped("engine_failed")
            raise
        finally:
            for request in requests:
                request.done.set()
            for frame in processed:  # where the tracker stands still nobody may wait for it
                waited = self.deblurring.builds > builds  # as another engine had failed
                if waited and self._inlets[frame.captured.source].outdates(frame.captured):
                    self.ledgers[frame.captured.source].count_dropped("engine_building")
                elif self.hands is not None:
                    self.hands.post(frame)
                else:
                    self._hand_over(frame)
        return bool(items)

    def _prepare_engine(self, sizes: set[tuple[int, int]]) -> None:
        """Build what frames of new sizes want; files wait for it, and the time does not run."""
        new = [size for size in sizes if not self.deblurring.is_ready(*size)]
        if not new:
            return
        with self._time.standing_still():
            for size in new:
                self.deblurring.prepare(*size)

    def _finished(self) -> list[ProcessedFrame]:
        """What was begun, once it is done; nothing where nothing was begun."""
        if self._begun is None:
            return []
        processed = self.deblurring.finish(self._begun)
        self._begun = None
        return processed

    def _next_file_frame_waits(self) -> bool:
        """Whether the next batch may go to the device while it computes this one.

        Of files only: a live frame is better replaced by a newer one than begun early.
        """
        live = any(worker.source.live for worker in self._workers)
        return not live and any(isinstance(box.waiting, Frame) for box in self._boxes)

    def _hand_over(self, frame: ProcessedFrame) -> None:
        ledger = self.ledgers[frame.captured.source]
        delivery = Delivery(frame, len(self.outputs), ledger)
        for output in self.outputs:
            output.post(delivery)

    def _wait_for_others(self) -> None:
        """Once a frame waits, give other live sources a moment for theirs."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._requests.waiting is not None
                    or any(box.waiting is not None for box in self._boxes)
                    or all(box.closed for box in self._boxes)
                )
            )
            while self._requests.waiting is None:
                more_ms = wait_more_ms(self._waiting(), self._batch_wait_ms)
                if more_ms <= 0:
                    return
                self._changed.wait(more_ms / 1000)

    def _waiting(self) -> Waiting:
        frames = [box.waiting for box in self._boxes if isinstance(box.waiting, Frame)]
        oldest_ns = min((frame.posted_ns for frame in frames), default=0)
        live = sum(status.state is SourceState.LIVE for status in self.statuses)
        return Waiting(len(frames), live, (time.perf_counter_ns() - oldest_ns) / 1e6)


def _size(item: Frame | SizeRequest) -> tuple[int, int]:
    if isinstance(item, SizeRequest):
        return item.height, item.width
    height, width = item.pixels.shape[:2]
    return height, width
