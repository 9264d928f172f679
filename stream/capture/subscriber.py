"""A publisher as a source: frames of another `blur2blur live`, or of one's own program."""

import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.capture.geometry import fitted
from stream.capture.source import Picture, Size, SourceOptions, StreamInfo
from stream.errors import SourceError, SourceSilentError, SourceUnfitError, StreamError
from stream.subscription import ReceivedFrame, Subscription
from stream.uri import host_of, without_credentials

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 5.0
_LOOK_S = 0.5
_MAX_TOLD = 8


class Subscriber:
    """One source of a ZeroMQ publisher, the newest frame first; see ``stream.subscription``.

    It is the one that ``?source=NAME`` asks for, else the one whose frame comes first. Where the
    publisher has several, a reconnection waits for that one again.
    """

    live = True
    reconnects = True
    own_clock = True

    def __init__(self, address: str, options: SourceOptions) -> None:
        self.uri = without_credentials(address)
        self.name = host_of(address) or "subscriber"
        self._address = address
        self._options = options
        self._source = ""

    def open(self) -> "SubscriberCapture":
        subscription, first = self._subscribe(self._source)
        others: list[str] = []
        if not subscription.source:
            first, others = _look_around(subscription, first)
            subscription.narrow(first.header.source)
            if others:
                self._source = subscription.source
        return SubscriberCapture(self.uri, subscription, first, self._options, others)

    def _subscribe(self, source: str) -> tuple[Subscription, ReceivedFrame]:
        """A subscription to a source, and its first frame."""
        try:
            subscription = Subscription(self._address, source=source)
        except StreamError as error:
            raise SourceError(str(error)) from None
        first = subscription.next_frame(OPEN_TIMEOUT_S)
        if first is None:
            reason = subscription.counts.reason
            subscription.close()
            if reason:
                raise SourceError(
                    f"{self.uri}: what came in {OPEN_TIMEOUT_S:g} s was not a frame: {reason}; "
                    "is this the address of a `blur2blur live --to zmq+tcp://…`?"
                )
            of = f" of source {subscription.source!r}" if subscription.source else ""
            raise SourceSilentError(
                f"waiting for {self.uri.removeprefix('zmq+')}: nothing came{of} for "
                f"{OPEN_TIMEOUT_S:g} s; does the publisher run, and has it let in your key?"
            )
        return subscription, first


def _look_around(
    subscription: Subscription, first: ReceivedFrame
) -> tuple[ReceivedFrame, list[str]]:
    """The first source's newest frame after half a second, and the other sources that gave one."""
    others: dict[str, None] = {}
    end_s = time.monotonic() + _LOOK_S
    while (left_s := end_s - time.monotonic()) > 0:
        if (frame := subscription.next_frame(left_s)) is None:
            break
        if frame.header.source == first.header.source:
            first = frame
        else:
            others.setdefault(frame.header.source)
    return first, list(others)


class SubscriberCapture:
    """A subscription that gave its first frame.

    Args:
        options: pictures are scaled to fit into ``size``; if None, into that of the first.
        others: what else the publisher publishes.
    """

    def __init__(
        self,
        uri: str,
        subscription: Subscription,
        first: ReceivedFrame,
        options: SourceOptions,
        others: Sequence[str] = (),
    ) -> None:
        self._uri = uri
        self._subscription = subscription
        self._first = first
        self._lost = subscription.counts.lost
        whole = Size(first.header.width, first.header.height)
        self._box = options.size or whole
        self._as_captured = options.as_captured
        fit = fitted(whole, self._box)
        self.info = StreamInfo(
            width=fit.width,
            height=fit.height,
            fps=None,
            format=f"zmq {first.header.encoding}",
            notes=_notes(first.header.source, others),
        )

    def pictures(self) -> Iterator[Picture]:
        frame: ReceivedFrame | None = self._first
        while frame is not None:
            if self._as_captured and not frame.header.bypassed:
                raise SourceUnfitError(
                    f"{self._uri} publishes deblurred frames, and those as captured are wanted "
                    "here: start the publisher with `--deblur off`"
                )
            lost = self._subscription.counts.lost
            pixels = self._fitted(frame.pixels)
            yield Picture(pixels, frame.header.pts_s, frame.captured_ns, lost - self._lost)
            self._lost = lost
            frame = self._subscription.next_frame(READ_TIMEOUT_S)
        raise SourceError(f"{self._uri}: nothing came for {READ_TIMEOUT_S:g} s")

    def close(self) -> None:
        self._subscription.close()

    def _fitted(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        fit = fitted(Size(width, height), self._box)
        if (width, height) == (fit.width, fit.height):
            return pixels
        size = (fit.width, fit.height)
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _notes(source: str, others: Sequence[str]) -> tuple[str, ...]:
    if not others:
        return ()
    told = ", ".join(map(repr, others[:_MAX_TOLD]))
    return (f"this is {source!r}; ?source=NAME takes another of the publisher's: {told}",)
