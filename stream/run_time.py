"""How long a run lasts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RunTime:
    """Whether a run has lasted long enough; while an engine is built its time stands still.

    Args:
        seconds: from the first frame, or where none comes from when the run was ready; None for as
            long as frames come.
        first_captured_ns: tells when the first frame was captured (``perf_counter_ns``), None
            before there is one.
    """

    def __init__(self, seconds: float | None, first_captured_ns: Callable[[], int | None]) -> None:
        self._seconds = seconds
        self._first_captured_ns = first_captured_ns
        self._ready_ns: int | None = None
        self._stood_ns = 0

    def start(self) -> int:
        """The run is ready for frames; returns the time (``perf_counter_ns``)."""
        self._ready_ns = time.perf_counter_ns()
        return self._ready_ns

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """While something is made that frames wait for."""
        began_ns, self._ready_ns = time.perf_counter_ns(), None
        yield
        ready_ns = time.perf_counter_ns()
        first_ns = self._first_captured_ns()
        if first_ns is not None:
            self._stood_ns += ready_ns - max(began_ns, first_ns)
        self._ready_ns = ready_ns

    @property
    def over(self) -> bool:
        ready_ns = self._ready_ns
        if self._seconds is None or ready_ns is None:
            return False
        since_ns = self._first_captured_ns() or ready_ns
        return (time.perf_counter_ns() - since_ns - self._stood_ns) / 1e9 > self._seconds
