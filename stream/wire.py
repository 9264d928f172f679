"""The ZeroMQ message: ``[topic, header, pixels]``, checked before anything in it is believed.

*Topic*: the source's name in UTF-8. *Header*: JSON, the fields of :class:`Header`. *Pixels*, last,
so that they can be sent without a copy: raw bytes of uint8 (height, width, 3) RGB, or a JPEG of
it.

There is no pickle and no dtype that a message could choose. A message that is not exactly of this
form raises :class:`WireError` and is never interpreted further.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from msgspec import Meta
from numpy.typing import NDArray

from engines.engine import MAX_PIXELS
from stream.errors import StreamError
from stream.hands.landmarks import LANDMARKS, Side

VERSION = 1

MAX_HEADER_BYTES = 8192
MAX_TOPIC_BYTES = 256
_MAX_NAME = 200
_MAX_JPEG_BYTES = 3 * MAX_PIXELS

Encoding = Literal["raw", "jpeg"]

_Pixels = Annotated[int, Meta(ge=1, le=65535)]
_Nanoseconds = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Name = Annotated[str, Meta(max_length=_MAX_NAME)]


class WireError(StreamError):
    """A message that is not of this form."""


class EngineNote(msgspec.Struct, frozen=True, kw_only=True):
    """What made the pixels. None in a header where nothing did."""

    backend: _Name
    device: _Name
    precision: _Name
    profile: _Name


_Points = Annotated[
    list[tuple[float, float, float]],
    Meta(min_length=len(LANDMARKS), max_length=len(LANDMARKS)),
]


class HandNote(msgspec.Struct, frozen=True, kw_only=True):
    """One hand.

    Attributes:
        side: of the filmed person.
        track: the same number for the same hand over time.
        points: 21 of x, y, z in pixels of the frame, which is not mirrored, in MediaPipe's order.
        world: 21 of x, y, z in metres, the origin in the hand.
        held: it would count as lost, had it not been found a moment ago; less certain.
    """

    side: Side
    track: _Nanoseconds
    points: _Points
    world: _Points
    held: bool = False


class HandsNote(msgspec.Struct, frozen=True, kw_only=True):
    """The newest landmarks when the frame was published: on a live source, of an earlier frame.

    Attributes:
        sequence: of the frame that they were found in.
        captured_ns: when that one was captured.
        hands: empty where none was found.
    """

    sequence: _Nanoseconds
    captured_ns: _Nanoseconds
    hands: Annotated[list[HandNote], Meta(max_length=4)]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a frame but its pixels.

    Attributes:
        version: of this form; a receiver refuses what it does not know.
        source: name of the source, the same as the topic.
        sequence: counts the frames that the source gave, from 0; gaps show drops.
        width, height: in pixels.
        dtype: of the values; always ``uint8``.
        encoding: of the third part: ``raw`` or ``jpeg``.
        pts_s: presentation time stamp of the source, in seconds.
        captured_ns, engine_ns, published_ns: the publisher's monotonic clock: when the frame was
            captured, when the engine was done with it, when it was handed to ZeroMQ.
        wall_ns: nanoseconds since 1970 at ``published_ns``, by the publisher's wall clock.
        clock: names the monotonic clock. Where it is the receiver's own (:func:`clock_name`), the
            stamps can be compared with ``time.perf_counter_ns()``; else they cannot.
        bypassed: the frame was sharp, or deblurring was off: pixels as captured.
        blur: the measure that decided, 0 (sharp) to 1, None where nothing was measured.
        engine: what deblurred it, None for a bypassed frame.
        hands: landmarks, None where they are not looked for.
    """

    version: Annotated[int, Meta(ge=1)]
    source: _Name
    sequence: _Nanoseconds
    width: _Pixels
    height: _Pixels
    dtype: Literal["uint8"]
    encoding: Encoding
    pts_s: float
    captured_ns: _Nanoseconds
    engine_ns: _Nanoseconds
    published_ns: _Nanoseconds
    wall_ns: _Nanoseconds
    clock: _Name
    bypassed: bool
    blur: Annotated[float, Meta(ge=0, le=1)] | None = None
    engine: EngineNote | None = None
    hands: HandsNote | None = None


_decoder = msgspec.json.Decoder(Header)
_encoder = msgspec.json.Encoder()


def encoded(
    pixels: NDArray[np.uint8], encoding: Encoding, *, jpeg_quality: int = 90
) -> memoryview | bytes:
    """The third part of a message.

    Args:
        pixels: uint8 (height, width, 3) RGB, contiguous. Raw ones are not copied: they must not
            change until the message is sent.

    Raises:
        WireError: no JPEG has such a size: of no pixels, or of more than 65500 on a side.
    """
    if encoding == "jpeg":
        try:
            jpeg: bytes = simplejpeg.encode_jpeg(pixels, quality=jpeg_quality, colorspace="RGB")
        except ValueError as error:
            height, width = pixels.shape[:2]
            raise WireError(
                f"{width}x{height} pixels make no JPEG, which has 1 to 65500 on a side: {error}"
            ) from None
        return jpeg
    return pixels.data.cast("B") if pixels.size else b""


def pack(header: Header, body: memoryview | bytes) -> tuple[bytes, bytes, memoryview | bytes]:
    """The three parts of a message, whose pixels are ``encoded`` as the header says."""
    return header.source.encode(), _encoder.encode(header), body


def pack_imagezmq(
    source: str, pixels: NDArray[np.uint8], encoding: Encoding, *, jpeg_quality: int = 90
) -> tuple[bytes, memoryview | bytes]:
    """The two parts that the package imagezmq sends over PUB/SUB: for its unmodified hub.

    Args:
        pixels: uint8 (height, width, 3) RGB; imagezmq's users expect BGR, so raw ones are turned.

    Raises:
        WireError: there are no pixels, or no JPEG has such a size.
    """
    if encoding == "jpeg":
        return _encoder.encode({"msg": source}), encoded(pixels, "jpeg", jpeg_quality=jpeg_quality)
    if not pixels.size:
        raise WireError(f"a frame of shape {pixels.shape} has no pixels")
    turned = np.ascontiguousarray(pixels[:, :, ::-1])
    return (
        _encoder.encode({"msg": source, "dtype": "uint8", "shape": pixels.shape}),
        turned.data.cast("B"),
    )


def unpack(parts: Sequence[bytes | memoryview]) -> tuple[Header, NDArray[np.uint8]]:
    """Check a message and decode it.

    Returns:
        The header, and uint8 (height, width, 3) RGB that cannot be written to; raw pixels are those
        of the message, not a copy.

    Raises:
        WireError: anything about it is not as it should be.
    """
    if len(parts) != 3:
        raise WireError(f"{len(parts)} parts instead of 3")
    topic, head, body = parts
    header = checked_header(topic, head)
    pixels = _raw(header, body) if header.encoding == "raw" else _jpeg(header, body)
    pixels.flags.writeable = False
    return header, pixels


def checked_header(topic: bytes | memoryview, head: bytes | memoryview) -> Header:
    """What the first two parts of a message say.

    Raises:
        WireError: anything about them is not as it should be.
    """
    if len(topic) > MAX_TOPIC_BYTES or len(head) > MAX_HEADER_BYTES:
        raise WireError(f"topic or header too long: {len(topic)} and {len(head)} bytes")
    try:
        header = _decoder.decode(head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"header: {error}") from None
    if header.version != VERSION:
        raise WireError(f"version {header.version}; this program reads version {VERSION}")
    if bytes(topic) != header.source.encode():
        raise WireError("the topic is not the header's source")
    if header.width * header.height > MAX_PIXELS:
        raise WireError(f"{header.width}x{header.height} pixels are too many")
    return header


def short_name(name: str, suffix: str = "") -> str:
    """A source's name, cut so that with the suffix behind it it can be a topic."""
    kept = name[: _MAX_NAME - len(suffix)].encode("utf-8", "replace")
    room = MAX_TOPIC_BYTES - len(suffix.encode())
    return kept[:room].decode("utf-8", "ignore") + suffix


def clock_name() -> str:
    """Names this machine's monotonic clock, the same in all its processes until it is restarted.

    Empty where the system does not tell; then stamps of another process are not to be compared.
    """
    if sys.platform != "linux":
        return ""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _raw(header: Header, body: bytes | memoryview) -> NDArray[np.uint8]:
    expected = header.width * header.height * 3
    if len(body) != expected:
        raise WireError(
            f"{header.width}x{header.height} pixels are {expected} bytes, not {len(body)}"
        )
    return np.frombuffer(body, np.uint8).reshape(header.height, header.width, 3)


def _jpeg(header: Header, body: bytes | memoryview) -> NDArray[np.uint8]:
    if len(body) > _MAX_JPEG_BYTES:
        raise WireError(f"a JPEG of {len(body)} bytes is too long")
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(body)
        if (width, height) != (header.width, header.height):
            raise WireError(
                f"a JPEG of {width}x{height} under a header of {header.width}x{header.height}"
            )
        pixels = simplejpeg.decode_jpeg(body, colorspace="RGB", strict=True)
    except ValueError as error:
        raise WireError(f"JPEG: {error}") from None
    return np.asarray(pixels, np.uint8)
