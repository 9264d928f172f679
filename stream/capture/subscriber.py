"""A publisher as a source: frames of another `blur2blur live`, or of one's own program."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.capture.source import Picture, Size, SourceOptions, StreamInfo
from stream.errors import SourceError, StreamError
from stream.subscription import ReceivedFrame, Subscription
from stream.uri import host_of, without_credentials

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 5.0


class Subscriber:
    """Frames from a ZeroMQ publisher, the newest first; see ``stream.subscription``."""

    live = True
    reconnects = True
    own_clock = True

    def __init__(self, address: str, options: SourceOptions) -> None:
        self.uri = without_credentials(address)
        self.name = host_of(address) or "subscriber"
        self._address = address
        self._options = options

    def open(self) -> "SubscriberCapture":
        try:
            subscription = Subscription(self._address)
        except StreamError as error:
            raise SourceError(str(error)) from None
        first = subscription.next_frame(OPEN_TIMEOUT_S)
        if first is None:
            reason = subscription.counts.reason
            subscription.close()
            raise SourceError(
                f"{self.uri}: nothing came for {OPEN_TIMEOUT_S:g} s"
                + (f"; the last message was not a frame: {reason}" if reason else "")
                + "; does the publisher run, and has it let in your key?"
            )
        return SubscriberCapture(self.uri, subscription, first, self._options.size)


class SubscriberCapture:
    """A subscription that gave its first frame."""

    def __init__(
        self, uri: str, subscription: Subscription, first: ReceivedFrame, size: Size | None
    ) -> None:
        self._uri = uri
        self._subscription = subscription
        self._first = first
        self._size = size or Size(first.header.width, first.header.height)
        self.info = StreamInfo(
            width=self._size.width,
            height=self._size.height,
            fps=None,
            format=f"zmq {first.header.encoding}",
        )

    def pictures(self) -> Iterator[Picture]:
        frame: ReceivedFrame | None = self._first
        lost_before = 0
        while frame is not None:
            lost = self._subscription.counts.lost
            pixels = self._fitted(frame.pixels)
            yield Picture(pixels, frame.header.pts_s, frame.captured_ns, lost - lost_before)
            lost_before = lost
            frame = self._subscription.next_frame(READ_TIMEOUT_S)
        raise SourceError(f"{self._uri}: nothing came for {READ_TIMEOUT_S:g} s")

    def close(self) -> None:
        self._subscription.close()

    def _fitted(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        if (width, height) == (self._size.width, self._size.height):
            return pixels
        size = (self._size.width, self._size.height)
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
