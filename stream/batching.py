"""When to start a batch: at once, or after a moment in which other cameras' frames may come.

A batch costs less than its frames one by one, and a wait costs every frame in it. The decision is a
function of plain numbers; the pipeline carries it out.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """What waits for the engine.

    Attributes:
        frames: sources that have a frame waiting.
        expected: sources from which a frame may come: those that are live. A source that stalled
            or failed is not waited for.
        oldest_ms: how long the first of the frames has waited.
    """

    frames: int
    expected: int
    oldest_ms: float


def wait_more_ms(waiting: Waiting, batch_wait_ms: float) -> float:
    """How much longer to wait before the batch is started; 0 starts it.

    It never waits for a source that has a frame waiting already, so with one source it never waits.
    """
    if waiting.frames == 0 or waiting.frames >= waiting.expected:
        return 0.0
    return max(0.0, batch_wait_ms - waiting.oldest_ms)
