"""Capturing without a pipeline around it."""

from collections.abc import Callable

from stream.capture.source import Source
from stream.capture.worker import CaptureWorker
from stream.frame import Frame


def capture_worker(
    source: Source,
    *,
    deliver: Callable[[Frame], None] = lambda frame: None,
    finished: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> CaptureWorker:
    """A worker whose frames need no engine; what it gives and says goes nowhere if not told."""
    return CaptureWorker(
        source, deliver=deliver, prepare=lambda info: None, finished=finished, say=say
    )
