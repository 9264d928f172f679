"""A photograph that is looked at: like a camera that stands still, not a clip that is over."""

import time
from collections.abc import Iterator

from stream.capture.source import Capture, Picture, StreamInfo

_INTERVAL_S = 0.1
"""Often enough for the line between before and after to follow the mouse."""


class HeldPicture:
    """Gives a photograph again and again; what holds more pictures than one ends as ever."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    @property
    def info(self) -> StreamInfo:
        return self._capture.info

    def pictures(self) -> Iterator[Picture]:
        only: Picture | None = None
        for number, picture in enumerate(self._capture.pictures()):
            only = picture if number == 0 else None
            yield picture
        while only is not None:
            time.sleep(_INTERVAL_S)
            only = only._replace(
                pts_s=only.pts_s + _INTERVAL_S, captured_ns=time.perf_counter_ns(), lost=0
            )
            yield only

    def close(self) -> None:
        self._capture.close()
