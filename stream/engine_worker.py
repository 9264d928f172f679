"""The thread between the sources and the outputs: deblurs what waits in the inlets."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Condition, Thread

from engines.errors import EngineError, ProfileError
from stream.batching import Waiting, wait_more_ms
from stream.capture.source import StreamInfo
from stream.deblurring import Begun, Deblurring
from stream.errors import StreamError
from stream.frame import Frame, ProcessedFrame
from stream.inlet import Inlet, SizeRequest
from stream.mailbox import Mailbox, take_ready
from stream.metrics import Ledger
from stream.run_time import RunTime


class EngineWorker:
    """Takes one frame of each inlet that has one, and hands over what the engine makes of them.

    Args:
        batch_wait_ms: how long it waits for other live sources' frames, to have them in a batch.
        live: how many sources send frames now.
        run_time: stands still while an engine is built.
        computing: what is to hold while the engine computes.
        hand_over: takes each frame, deblurred or passed by; in turn for each source.
        finished: called once, when no more frames will be handed over.
    """

    def __init__(
        self,
        deblurring: Deblurring,
        *,
        batch_wait_ms: float,
        live: Callable[[], int],
        run_time: RunTime,
        computing: Callable[[], AbstractContextManager[None]],
        hand_over: Callable[[ProcessedFrame], None],
        finished: Callable[[], None],
    ) -> None:
        self.failure: str | None = None
        self._deblurring = deblurring
        deblurring.while_building = run_time.standing_still
        self._batch_wait_ms = batch_wait_ms
        self._live = live
        self._computing = computing
        self._hand_over = hand_over
        self._finished = finished
        self._begun: Begun | None = None
        self._changed = Condition()
        self._requests: Mailbox[Frame | SizeRequest] = Mailbox(self._changed)
        self._inlets: dict[str, Inlet] = {}
        self._thread = Thread(target=self._run, name="engine", daemon=True)

    def inlet(
        self, source: str, *, live: bool, ledger: Ledger, has_room: Callable[[], bool]
    ) -> Inlet:
        """Where the frames of a source are to be left. Ask for it before the start.

        Args:
            has_room: whether ``hand_over`` takes a frame of it without waiting, which other sources
                would have to wait for, too; call :meth:`look_again` when it becomes true.
        """
        inlet = Inlet(
            live=live,
            ledger=ledger,
            changed=self._changed,
            building=lambda: self._deblurring.building,
            has_room=has_room,
        )
        self._inlets[source] = inlet
        return inlet

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def prepare(self, info: StreamInfo) -> None:
        """Wait until the engine is ready for a source's frames, from that source's thread."""
        request = SizeRequest(info.height, info.width)
        if self._requests.put(request):
            request.done.wait()

    def look_again(self) -> None:
        """There may be room for frames that waited for some."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Take no new frames; those that wait are finished where their engine is there."""
        for inlet in self._inlets.values():
            inlet.box.close()
        self._requests.close()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def empty(self) -> None:
        """Account for the frames that still wait, where the thread will not take them."""
        for inlet in self._inlets.values():
            inlet.empty()

    def _run(self) -> None:
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
            self._finished()

    def _serve(self) -> bool:
        """Answer size requests and process one batch; False when no more can come."""
        if self._batch_wait_ms:
            self._wait_for_others()
        items = take_ready(
            [self._requests, *self._boxes],
            self._changed,
            stop=lambda: all(box.over for box in self._boxes),
        )
        frames = [item for item in items if isinstance(item, Frame)]
        requests = [item for item in items if isinstance(item, SizeRequest)]
        processed: list[ProcessedFrame] = []
        builds = self._deblurring.builds
        try:
            self._build({_size(item) for item in items})
            if self._deblurring.builds > builds:
                builds = self._deblurring.builds
                frames = [self._inlets[frame.source].newest(frame) for frame in frames]
            frames = self._wanted(frames)
            with self._computing():
                begun = self._deblurring.begin(frames)
                processed += self._take_finished()
                self._begun, frames = begun, []
                if not (begun.on_a_device and self._next_file_frame_waits()):
                    processed += self._take_finished()
        except BaseException:
            for lost in [*frames, *(self._begun.frames if self._begun is not None else [])]:
                self._inlets[lost.source].count_dropped("engine_failed")
            raise
        finally:
            for request in requests:
                request.done.set()
            for frame in processed:  # nobody may wait for it while the tracker stands still
                inlet = self._inlets[frame.captured.source]
                waited = self._deblurring.builds > builds  # as another engine had failed
                if waited and inlet.outdates(frame.captured):
                    inlet.count_dropped("engine_building")
                else:
                    self._hand_over(frame)
        return bool(items)

    def _wanted(self, frames: list[Frame]) -> list[Frame]:
        """All of them, but in a run that was stopped those that an engine would be built for."""
        if not self._requests.closed:
            return frames
        ready = [frame for frame in frames if self._deblurring.is_ready(*_size(frame))]
        for frame in frames:
            if frame not in ready:
                self._inlets[frame.source].count_dropped("stopped")
        return ready

    def _build(self, sizes: set[tuple[int, int]]) -> None:
        """Build what frames of new sizes want, until the run is stopped; files wait for it."""
        for size in sizes:
            if not (self._requests.closed or self._deblurring.is_ready(*size)):
                self._deblurring.prepare(*size)

    def _take_finished(self) -> list[ProcessedFrame]:
        """What was begun, once it is done; nothing where nothing was begun."""
        if self._begun is None:
            return []
        processed = self._deblurring.finish(self._begun)
        self._begun = None
        return processed

    def _next_file_frame_waits(self) -> bool:
        """Whether the next batch may go to the device while it computes this one.

        Of files only: a live frame is better replaced by a newer one than begun early.
        """
        live = any(inlet.live for inlet in self._inlets.values())
        return not live and any(isinstance(box.waiting, Frame) for box in self._boxes)

    def _wait_for_others(self) -> None:
        """Once a frame waits, give other live sources a moment for theirs."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._requests.waiting is not None
                    or any(box.ready for box in self._boxes)
                    or all(box.over for box in self._boxes)
                )
            )
            while self._requests.waiting is None:
                more_ms = wait_more_ms(self._waiting(), self._batch_wait_ms)
                if more_ms <= 0:
                    return
                self._changed.wait(more_ms / 1000)

    def _waiting(self) -> Waiting:
        waiting = [box.waiting for box in self._boxes if box.ready]
        frames = [item for item in waiting if isinstance(item, Frame)]
        oldest_ns = min((frame.posted_ns for frame in frames), default=0)
        return Waiting(len(frames), self._live(), (time.perf_counter_ns() - oldest_ns) / 1e6)

    @property
    def _boxes(self) -> list[Mailbox[Frame | SizeRequest]]:
        return [inlet.box for inlet in self._inlets.values()]


def _size(item: Frame | SizeRequest) -> tuple[int, int]:
    if isinstance(item, SizeRequest):
        return item.height, item.width
    height, width = item.pixels.shape[:2]
    return height, width
