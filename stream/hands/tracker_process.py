"""A tracker in a process of its own.

There it can be made to stand still while the engine works on a live picture. A low priority is not
enough: the engine's threads yield while they wait for each other, and a frame then took 5 ms longer
beside even a process of the idle class. But where the engine hardly ever rests, it may not stand
still for ever: landmarks came 10 s late on a machine whose engine takes 440 ms a frame. And a crash
of its native code ends the tracking, not the stream.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, shared_memory
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.errors import StreamError
from stream.hands.holding import HELD_PRESENCE, HoldingTracker
from stream.hands.landmarks import Hand
from stream.hands.tracker import HandTracker, TrackerMode

_START_S = 60.0
_END_S = 5.0
_PATIENCE_S = 0.3
"""A picture that has waited for longer is looked at beside the engine."""
_STAND_STILL: int | None = getattr(signal, "SIGSTOP", None)
_GO_ON: int | None = getattr(signal, "SIGCONT", None)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class TrackerSettings:
    """What the tracker is made of, see :class:`HandTracker` and :class:`HoldingTracker`.

    Attributes:
        hold_s: for so long a lost hand may be held; with 0 none is.
        gives_way: run when nothing else wants the processor, and stand still on request, unless a
            picture waits for too long.
    """

    model: Path
    max_hands: int = 2
    mode: TrackerMode = "video"
    confidence: float = 0.5
    hold_s: float = 0.0
    gives_way: bool = False


class TrackerProcess:
    """Like :class:`HoldingTracker`, elsewhere. Owned by one thread.

    Raises:
        StreamError: the tracker does not start there.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self._gives_way = settings.gives_way and sys.platform == "linux"
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, settings), name="hands", daemon=True
        )
        self._process.start()
        theirs.close()
        self._overdue = False
        self._picture: shared_memory.SharedMemory | None = None
        if not self._pipe.poll(_START_S):
            self.close()
            raise StreamError(f"the hand tracker did not start in {_START_S:.0f} s")
        self._receive()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def track(self, pixels: NDArray[np.uint8], time_s: float) -> tuple[Hand, ...]:
        """The hands in one picture, see :meth:`HoldingTracker.track`.

        Raises:
            StreamError: the tracker failed, or its process has ended.
        """
        if self._picture is None or self._picture.size < pixels.nbytes:
            self._forget_picture()
            self._picture = shared_memory.SharedMemory(create=True, size=pixels.nbytes)
        np.ndarray(pixels.shape, np.uint8, self._picture.buf)[:] = pixels
        try:
            self._pipe.send((self._picture.name, pixels.shape, time_s))
        except OSError:
            raise StreamError("the hand tracker's process has ended") from None
        if not self._gives_way or self._pipe.poll(_PATIENCE_S):
            return self._receive()
        with self._taking_its_share():
            return self._receive()

    def stand_still(self) -> None:
        """Take no time at all until :meth:`go_on`, where it gives way. From any thread."""
        if not self._overdue:
            self._signal(_STAND_STILL)

    def go_on(self) -> None:
        """After :meth:`stand_still`."""
        self._signal(_GO_ON)

    def close(self) -> None:
        self.go_on()
        self._pipe.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
        self._forget_picture()

    @contextmanager
    def _taking_its_share(self) -> Iterator[None]:
        """While inside, it does not give way."""
        self._overdue = True
        self._schedule(os.SCHED_OTHER)
        self.go_on()
        try:
            yield
        finally:
            self._schedule(os.SCHED_IDLE)
            self._overdue = False

    def _schedule(self, policy: int) -> None:
        with suppress(OSError):  # threads come and go, and some machines do not allow it
            for thread in Path(f"/proc/{self.pid}/task").iterdir():
                os.sched_setscheduler(int(thread.name), policy, os.sched_param(0))

    def _receive(self) -> tuple[Hand, ...]:
        try:
            answer: tuple[Hand, ...] | str = self._pipe.recv()
        except (EOFError, OSError):
            raise StreamError("the hand tracker's process has ended") from None
        if isinstance(answer, str):
            raise StreamError(answer)
        return answer

    def _signal(self, number: int | None) -> None:
        if self._gives_way and number is not None and self._process.is_alive():
            os.kill(self.pid, number)

    def _forget_picture(self) -> None:
        if self._picture is not None:
            self._picture.close()
            self._picture.unlink()
            self._picture = None


def _serve(pipe: Connection, settings: TrackerSettings) -> None:
    """The process: answers pictures with hands, and what goes wrong with a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which ends this
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # and so is the end of the terminal
    if settings.gives_way and sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        # One that stands still could not see that the program is gone.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # MediaPipe's native code warns about its own insides, past all of its settings.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        tracker = _make(settings)
        pipe.send(())
        _answer(pipe, tracker)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # nobody asks any more
    except StreamError as error:
        pipe.send(str(error))
    except Exception as error:  # the top of a process: it becomes a line for the user
        pipe.send(f"the hand tracker failed: {type(error).__name__}: {error}")


def _make(settings: TrackerSettings) -> HandTracker | HoldingTracker:
    make = partial(
        HandTracker,
        settings.model,
        max_hands=settings.max_hands,
        mode=settings.mode,
        confidence=settings.confidence,
    )
    if not settings.hold_s:
        return make()
    return HoldingTracker(make(), make(presence=HELD_PRESENCE), settings.hold_s)


def _answer(pipe: Connection, tracker: HandTracker | HoldingTracker) -> None:
    memory: shared_memory.SharedMemory | None = None
    while True:
        name, shape, time_s = pipe.recv()
        if memory is None or memory.name != name:
            memory = shared_memory.SharedMemory(name)
        pixels = np.ndarray(shape, np.uint8, memory.buf)
        pipe.send(tracker.track(pixels, time_s))
