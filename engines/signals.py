"""Ends that somebody asks for."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

_KINDS = (signal.SIGINT, signal.SIGTERM)
_SAME_REQUEST_S = 1.0
"""Ctrl-C in a terminal reaches torchrun and its processes, and torchrun hands it on to them."""


@contextmanager
def signals_received() -> Iterator[list[int]]:
    """While inside, Ctrl-C and polite kills are only noted, for the work to end cleanly.

    One that comes later than a second after the first raises KeyboardInterrupt. The handler takes
    no lock: it could meet itself there.
    """
    received: list[int] = []
    first_s = 0.0

    def handle(number: int, _: object) -> None:
        nonlocal first_s
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
