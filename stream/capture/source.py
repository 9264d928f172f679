"""What every source offers, and the states that it goes through."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Size:
    """Width and height in pixels, written ``640x480``."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Raises ValueError where the text is not like ``640x480``."""
        width, _, height = text.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise ValueError(f"{text!r} is not a size like 640x480")
        return cls(int(width), int(height))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """What the user asks of a source.

    Attributes:
        size: asked of a camera; pictures of other sources are scaled to fit into it.
        fps: asked of a camera.
        realtime: a file plays at its own rate, like a live camera.
        as_captured: frames that a publisher has deblurred are an error.
    """

    size: Size | None = None
    fps: float | None = None
    realtime: bool = False
    as_captured: bool = False


@dataclass(frozen=True, kw_only=True)
class StreamInfo:
    """What was negotiated when a source opened.

    Attributes:
        fps: nominal frame rate, None where the source does not tell.
        by_arrival: the source stamps nothing, so a picture's time is when it came here.
        frames: number of frames to come, None where unknown or endless.
        format: codec and pixel format, for the user.
        notes: what the user should know, as what differs from what was asked, a line each.
        silence_s: so long a silence is nothing unusual.
    """

    width: int
    height: int
    fps: float | None
    frames: int | None = None
    format: str = ""
    notes: tuple[str, ...] = ()
    by_arrival: bool = False
    silence_s: float = 0.0


class Picture(NamedTuple):
    """One decoded picture.

    Attributes:
        pixels: uint8 (H, W, 3) RGB.
        pts_s: its time in the source, in seconds.
        captured_ns: when it was captured.
        lost: pictures before it that came damaged, or not at all, as far as the source can tell.
    """

    pixels: NDArray[np.uint8]
    pts_s: float
    captured_ns: int
    lost: int = 0


class Capture(Protocol):
    """A source that is open."""

    @property
    def info(self) -> StreamInfo: ...

    def pictures(self) -> Iterator[Picture]:
        """The pictures in order; ends where the source ends.

        Raises:
            SourceError: reading failed or timed out.
        """
        ...

    def close(self) -> None: ...


class Source(Protocol):
    """Somewhere frames come from. ``open`` may be called again after ``close``.

    Attributes:
        name: short, for topics and file names.
        uri: for the user's eyes, without credentials.
        live: the newest frame counts; otherwise every frame does.
        reconnects: when it is lost after it was live, it is opened again, for ever.
        own_clock: it runs whether or not anybody reads (a camera); otherwise the first read
            starts it, so it can wait until the engine is ready (a file).
    """

    name: str
    uri: str
    live: bool
    reconnects: bool
    own_clock: bool

    def open(self) -> Capture:
        """Open it; blocks for a bounded time.

        Raises:
            SourceError: it is not there, gives no video, or did not answer in time.
            SourceUnfitError: it gives what cannot be used.
            SourceSilentError: nothing came, which does not mean that nothing will.
        """
        ...


class SourceState(StrEnum):
    """Failure is a state, not an end."""

    OPENING = "opening"
    LIVE = "live"
    STALLED = "stalled"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """A source as the user sees it.

    Attributes:
        reason: why it is not live, empty while it is.
        frames: pictures that it gave so far.
        lost: pictures that were lost on the way here, as far as it can tell.
    """

    name: str
    uri: str
    state: SourceState = SourceState.OPENING
    reason: str = ""
    info: StreamInfo | None = None
    frames: int = 0
    lost: int = 0
    reconnects: int = 0
    stalls: int = 0

    @property
    def over(self) -> bool:
        return self.state in (SourceState.ENDED, SourceState.FAILED)
