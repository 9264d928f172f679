"""An output that tests of whole runs look into."""

import time

from stream.errors import OutputError
from stream.frame import ProcessedFrame
from stream.output.null import Null


class Keeper(Null):
    """Keeps what it gets; slow or failing on request."""

    def __init__(self, *, delay_s: float = 0.0, fail_at: int | None = None) -> None:
        self.frames: list[ProcessedFrame] = []
        self.closed = 0
        self._delay_s = delay_s
        self._fail_at = fail_at

    def write(self, frame: ProcessedFrame) -> None:
        time.sleep(self._delay_s)
        if len(self.frames) == self._fail_at:
            raise OutputError("the disk is full")
        self.frames.append(frame)

    def close(self) -> None:
        self.closed += 1

    @property
    def sequences(self) -> list[int]:
        return [frame.captured.sequence for frame in self.frames]
