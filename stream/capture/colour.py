"""RGB of decoded pictures: by which matrix, how exactly, and which curve none can undo."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, ColorTrc
from numpy.typing import NDArray

from stream.capture.source import Size

_UNSPECIFIED = 2
_HD_LINES = 720
_AS_SD = ("mjpeg", "rawvideo")
"""JPEG is BT.601 of every size (JFIF 1.02), and so are the raw pictures of webcams."""
_BILINEAR, _FULL_CHROMA, _ROUNDED = 0x2, 0x2000, 0x40000
"""FFmpeg's SWS_BILINEAR, SWS_FULL_CHR_H_INT and SWS_ACCURATE_RND."""
_HDR: dict[int, str] = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}


def to_rgb(frame: VideoFrame, size: Size, codec: str, *, exactly: bool) -> NDArray[np.uint8]:
    """A decoded picture as uint8 (H, W, 3), scaled to a size.

    Args:
        codec: FFmpeg's name of what the picture was stored by.
        exactly: round every colour. Otherwise swscale cuts off, and all is one to two steps of 8
            bit too dark; but takes a twentieth of the time.
    """
    say_matrix(frame, codec)
    how = _BILINEAR | (_FULL_CHROMA | _ROUNDED if exactly else 0)
    pixels = frame.to_ndarray(
        format="rgb24", width=size.width, height=size.height, interpolation=how
    )
    return np.asarray(pixels, np.uint8)


def say_matrix(frame: VideoFrame, codec: str) -> None:
    """Note BT.709 in a picture of HD size that notes nothing, as players take it; else FFmpeg takes
    BT.601, which shifts every colour."""
    if (
        frame.colorspace == _UNSPECIFIED
        and frame.height >= _HD_LINES
        and codec not in _AS_SD
        and not frame.format.is_rgb
    ):
        frame.colorspace = Colorspace.ITU709


def hdr_notes(transfer: int) -> tuple[str, ...]:
    """What to tell the user of pictures with this transfer curve (ITU-T H.273, table 3)."""
    if transfer not in _HDR:
        return ()
    return (
        f"this is HDR video ({_HDR[transfer]}) and is taken as it is: its colours will look pale. "
        "Convert it to SDR first; phones have a setting to film without HDR",
    )
