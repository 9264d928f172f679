"""Ends that somebody asks for."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_KINDS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_received() -> Iterator[list[int]]:
    """While inside, Ctrl-C and polite kills are only noted, for the work to end cleanly.

    A second one raises KeyboardInterrupt. The handler takes no lock: it could meet itself there.
    """
    received: list[int] = []

    def handle(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt

    before = {kind: signal.signal(kind, handle) for kind in _KINDS}
    try:
        yield received
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
