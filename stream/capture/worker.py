"""The thread of one source: opens it, hands its frames on, and opens it again when it is lost."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from threading import Event, Lock, Thread

from stream.capture.clock import Timeline
from stream.capture.source import Capture, Source, SourceState, SourceStatus, StreamInfo
from stream.errors import SourceSilentError, SourceUnfitError, StreamError
from stream.frame import Frame

_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.25, 2.0
MIN_STALL_S = 2.0
"""So long a source is silent, at least, before it is called stalled."""


def backoff_s(attempt: int) -> float:
    """Wait before reconnection number ``attempt`` (from 0): doubling, at most two seconds."""
    return float(min(_FIRST_BACKOFF_S * 2 ** min(attempt, 10), _LAST_BACKOFF_S))


def is_stalled(silent_s: float, fps: float | None, usual_s: float = 0.0) -> bool:
    """No frame for two intervals, for longer than is usual, and for two seconds at least."""
    return silent_s > max(2.0 / fps if fps else 0.0, usual_s, MIN_STALL_S)


class CaptureWorker:
    """Runs one source until it is over or told to stop.

    A source that was never live fails for good, so that a wrong address is an error at once, unless
    it is only silent until now, which is waited for; one that was live is opened again for ever
    where its contract says so, unless what it gives cannot be used.

    Args:
        deliver: takes each frame; blocks where every frame counts.
        prepare: called with what was negotiated before frames of a source without a clock of its
            own are read; may block until an engine is ready.
        finished: called once, when no more frames will come.
        say: takes a line for each change that the user should know of.
        misfit: tells why frames of a height and a width cannot be used, or None; the source that
            gives them fails.
    """

    def __init__(
        self,
        source: Source,
        *,
        deliver: Callable[[Frame], None],
        prepare: Callable[[StreamInfo], None],
        finished: Callable[[], None],
        say: Callable[[str], None],
        misfit: Callable[[int, int], str | None] = lambda height, width: None,
    ) -> None:
        self.source = source
        self._deliver = deliver
        self._prepare = prepare
        self._finished = finished
        self._say = say
        self._misfit = misfit
        self._lock = Lock()
        self._status = SourceStatus(name=source.name, uri=source.uri)
        self._stop = Event()
        self._sequence = 0
        self._last_frame_ns = 0
        self._timeline = Timeline(source.own_clock)
        self._thread = Thread(target=self._run, name=f"capture {source.name}", daemon=True)

    @property
    def status(self) -> SourceStatus:
        return self._status

    def watch(self) -> None:
        """See a silence that grew too long, and count it once. Call it a few times a second."""
        with self._lock:
            status = self._status
            info = status.info
            if info is None or not self.source.live or status.state is not SourceState.LIVE:
                return
            silent_s = (time.perf_counter_ns() - self._last_frame_ns) / 1e9
            if not is_stalled(silent_s, info.fps, info.silence_s):
                return
            reason = f"no frame for {silent_s:.1f} s"
            self._status = replace(
                status, state=SourceState.STALLED, reason=reason, stalls=status.stalls + 1
            )
        self._say(f"{status.name} is stalled: {reason}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end after the frame in hand."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False where the thread hangs in its driver, which a daemon may."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._supervise()
        finally:
            self._finished()

    def _supervise(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            frames_before = self._sequence
            try:
                with closing(self.source.open()) as capture:
                    finite = capture.info.frames is not None
                    self._read(capture)
                reason = "stopped" if self._stop.is_set() else "the stream ended"
                lost = not finite and not self._stop.is_set()
                final = SourceState.ENDED
            except SourceSilentError as error:
                if not self._sequence and self.source.reconnects:
                    self._wait_for(str(error))
                    continue
                reason, lost, final = str(error), True, SourceState.FAILED
            except StreamError as error:
                lost = not isinstance(error, SourceUnfitError)
                reason, final = str(error), SourceState.FAILED
            except Exception as error:  # the top of a thread: whatever it is becomes a state
                reason = f"{self.source.uri}: unexpected {type(error).__name__}: {error}"
                lost, final = True, SourceState.FAILED
            if not (lost and self.source.reconnects and self._sequence > 0):
                if final is SourceState.ENDED and not self._sequence and not self._stop.is_set():
                    reason = f"{self.source.uri} gave no picture that could be decoded"
                    final = SourceState.FAILED
                self._set(final, reason)
                return
            attempt = 0 if self._sequence > frames_before else attempt + 1
            self._set(SourceState.RECONNECTING, reason, reconnects=attempt == 0)
            if attempt == 0:
                self._say(f"{self.source.name} is lost ({reason}); trying to reconnect")
            self._stop.wait(backoff_s(attempt))
        self._set(SourceState.ENDED, "stopped")

    def _wait_for(self, reason: str) -> None:
        """Note that nothing has come yet, and take a breath."""
        if self._status.reason != reason and not self._stop.is_set():
            self._say(f"{self.source.name}: {reason}")
        self._set(SourceState.OPENING, reason)
        self._stop.wait(backoff_s(0))

    def _read(self, capture: Capture) -> None:
        info = capture.info
        with self._lock:
            self._status = replace(self._status, info=info)
        for note in info.notes:
            self._say(f"{self.source.name}: {note}")
        self._check_size(info.height, info.width)
        if not self.source.own_clock:
            self._prepare(info)
        self._timeline.reopened()
        for pixels, pts_s, captured_ns, lost in capture.pictures():
            if self._stop.is_set():
                return
            self._check_size(*pixels.shape[:2])
            frame = Frame(
                pixels=pixels,
                source=self.source.name,
                sequence=self._sequence,
                pts_s=self._timeline.at(pts_s, captured_ns),
                captured_ns=captured_ns,
                posted_ns=time.perf_counter_ns(),
                fps=info.fps,
            )
            self._sequence += 1
            self._count(frame, lost)
            self._deliver(frame)
            if self._stop.is_set():
                return

    def _check_size(self, height: int, width: int) -> None:
        if (reason := self._misfit(height, width)) is not None:
            raise SourceUnfitError(f"{self.source.uri}: {reason}")

    def _count(self, frame: Frame, lost: int) -> None:
        with self._lock:
            before = self._status.state
            self._last_frame_ns = frame.posted_ns
            self._status = replace(
                self._status,
                state=SourceState.LIVE,
                reason="",
                frames=self._sequence,
                lost=self._status.lost + lost,
            )
        if before in (SourceState.RECONNECTING, SourceState.STALLED):
            self._say(f"{self.source.name} is live again")

    def _set(self, state: SourceState, reason: str, *, reconnects: bool = False) -> None:
        with self._lock:
            self._status = replace(
                self._status,
                state=state,
                reason=reason,
                reconnects=self._status.reconnects + reconnects,
            )
