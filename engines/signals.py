"""Ends that somebody asks for."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_KINDS = [signal.SIGINT, signal.SIGTERM]
if sys.platform != "win32":
    _HANGUP = signal.SIGHUP
    if signal.getsignal(_HANGUP) is not signal.SIG_IGN:  # as nohup has it
        _KINDS.append(_HANGUP)
else:
    _HANGUP = None
_SAME_REQUEST_S = 1.0
"""Ctrl-C in a terminal reaches torchrun and its processes, and torchrun hands it on to them."""


@contextmanager
def signals_received() -> Iterator[list[int]]:
    """While inside, Ctrl-C, polite kills and closed terminals are only noted, for a clean end.

    One that comes later than a second after the first raises KeyboardInterrupt. The handler takes
    no lock: it could meet itself there.
    """
    received: list[int] = []
    first_s = 0.0

    def handle(number: int, _: object) -> None:
        nonlocal first_s
        if number == _HANGUP:
            _leave_terminal()
        if not received:
            first_s = time.monotonic()
        received.append(number)
        if time.monotonic() - first_s > _SAME_REQUEST_S:
            raise KeyboardInterrupt

    before = {kind: signal.signal(kind, handle) for kind in _KINDS}
    try:
        yield received
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def leave_ends_to_parent() -> None:
    """For a process that works for another: what asks a whole group to end, that one answers."""
    for kind in _KINDS:
        signal.signal(kind, signal.SIG_IGN)


def _leave_terminal() -> None:
    """What is said from now on goes nowhere where the terminal is gone, rather than fail."""
    for stream in (1, 2):
        try:
            os.write(stream, b"")
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
