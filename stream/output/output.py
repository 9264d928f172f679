"""What every output offers, and the thread that feeds it."""

import time
from collections.abc import Callable, Mapping
from threading import Condition, Lock, Thread
from typing import Protocol

from stream.errors import OutputError, SourceLeftOutError
from stream.frame import ProcessedFrame
from stream.mailbox import Mailbox, take_ready
from stream.metrics import Ledger

_IDLE_S = 1 / 30


class Output(Protocol):
    """Somewhere frames go. All methods are called from one thread, after which ``close`` is.

    Attributes:
        uri: for the user's eyes.
        every_frame: it wants each frame of a file (a recording); else the newest (a window).
        main_thread: it must be driven from the main thread (a window).
    """

    uri: str
    every_frame: bool
    main_thread: bool

    def write(self, frame: ProcessedFrame) -> None:
        """Take one frame.

        Raises:
            SourceLeftOutError: it cannot be taken, and no further one of its source can.
            OutputError: it cannot be taken, and no further one can.
        """
        ...

    def idle(self) -> None:
        """Called some thirty times a second, whether or not frames come."""
        ...

    def close(self) -> None:
        """Finish what was begun.

        Raises:
            OutputError: the end could not be written.
        """
        ...


class Delivery:
    """One frame on its way to several outputs: output if one of them took it, dropped if none."""

    def __init__(self, frame: ProcessedFrame, outputs: int, ledger: Ledger) -> None:
        self.frame = frame
        self._ledger = ledger
        self._lock = Lock()
        self._outstanding = outputs
        self._counted = False

    def written(self, handed_ns: int) -> None:
        """An output got it at ``handed_ns`` and took it; only the first one counts."""
        with self._lock:
            self._outstanding -= 1
            first, self._counted = not self._counted, True
        if first:
            self._ledger.count_output(self.frame, handed_ns)

    def dropped(self, cause: str) -> None:
        """An output will never have it."""
        with self._lock:
            self._outstanding -= 1
            lost = not self._outstanding and not self._counted
        if lost:
            self._ledger.count_dropped(cause)


class OutputWorker:
    """Feeds one output, so that none waits for another.

    Each source has a mailbox of its own here: the newest frame of one camera never pushes out that
    of another.

    Args:
        lossless: by source name, whether its frames wait for this output rather than be dropped
            (a recording of a file).
        room_made: called after frames were taken, and when no more will be.
        say: takes a line when the output fails.

    Attributes:
        failure: what went wrong; it may still take the frames of other sources.
    """

    def __init__(
        self,
        output: Output,
        *,
        lossless: Mapping[str, bool],
        room_made: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self.output = output
        self.failure: str | None = None
        self.written = 0
        self.dropped = 0
        self._lossless = lossless
        self._room_made = room_made
        self._say = say
        self._changed = Condition()
        self._boxes: dict[str, Mailbox[Delivery]] = {
            name: Mailbox(self._changed) for name in lossless
        }
        self._thread: Thread | None = None
        self._closed = False
        self._idled_at = 0.0

    def start(self) -> None:
        """Run in a thread of its own; not for outputs of the main thread."""
        self._thread = Thread(target=self._run, name=f"output {self.output.uri}", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """It takes no more frames."""
        return all(box.closed for box in self._boxes.values())

    def has_room(self, source: str) -> bool:
        """Whether :meth:`post` takes a frame of this source without waiting."""
        return not self._lossless[source] or self._boxes[source].has_room

    def post(self, delivery: Delivery) -> None:
        """Leave a frame for the output."""
        source = delivery.frame.captured.source
        box = self._boxes[source]
        if self._lossless[source]:
            if not box.put(delivery):
                self._drop(delivery, "output_failed")
            return
        replaced = box.offer(delivery)
        if replaced is not None:
            self._drop(replaced, "output_failed" if replaced is delivery else "output_busy")

    def finish(self) -> None:
        """No more frames will come; what waits is still written."""
        for box in self._boxes.values():
            box.close()
        self._room_made()

    def join(self, timeout_s: float) -> bool:
        """Wait until everything is written; False where the output hangs."""
        if self._thread is None:
            return self._closed
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def step(self, timeout_s: float) -> bool:
        """Write the frames that wait, or idle once; False after the output was closed."""
        if self._closed:
            return False
        over = self.over  # looked at first, so that no last frame is missed
        waiting = take_ready(list(self._boxes.values()), self._changed, timeout_s=timeout_s)
        if waiting:
            self._room_made()
        try:
            if not waiting and over:
                if (reason := self._close()) is not None:
                    self._note(reason)
            elif time.monotonic() - self._idled_at > _IDLE_S:
                self._idled_at = time.monotonic()
                self.output.idle()
            while waiting:
                self._write(waiting[0])
                waiting.pop(0)
        except OutputError as error:
            self._fail(str(error), waiting)
        except Exception as error:  # the top of a thread: an output must not take others along
            self._fail(f"{self.output.uri}: unexpected {type(error).__name__}: {error}", waiting)
        return not self._closed

    def _run(self) -> None:
        while self.step(_IDLE_S):
            pass

    def _write(self, delivery: Delivery) -> None:
        handed_ns = time.perf_counter_ns()
        try:
            self.output.write(delivery.frame)
        except SourceLeftOutError as error:
            self._leave_out(delivery, str(error))
        else:
            delivery.written(handed_ns)
            self.written += 1

    def _drop(self, delivery: Delivery, cause: str) -> None:
        self.dropped += 1
        delivery.dropped(cause)

    def _note(self, reason: str) -> None:
        self.failure = reason if self.failure is None else f"{self.failure}; {reason}"
        self._say(reason)

    def _leave_out(self, delivery: Delivery, reason: str) -> None:
        """This frame and the further ones of its source."""
        box = self._boxes[delivery.frame.captured.source]
        self._note(reason)
        box.close()
        for lost in [delivery, *take_ready([box], self._changed)]:
            self._drop(lost, "output_failed")
        self._room_made()

    def _fail(self, reason: str, waiting: list[Delivery]) -> None:
        self._note(reason)
        self.finish()
        for delivery in [*waiting, *take_ready(list(self._boxes.values()), self._changed)]:
            self._drop(delivery, "output_failed")
        if not self._closed:
            self._close()

    def _close(self) -> str | None:
        """Returns what went wrong."""
        self._closed = True
        try:
            self.output.close()
        except OutputError as error:
            return str(error)
        except Exception as error:  # as in step
            return f"{self.output.uri}: unexpected {type(error).__name__} at the end: {error}"
        return None

    def give_up(self) -> None:
        """The output hangs; whoever owns the run leaves it behind."""
        self.failure = f"{self.output.uri} hangs; what it was given last may be missing"
        self._say(self.failure)
