"""Which matrix makes RGB of YUV where the stream does not say, and which curve none can undo."""

from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, ColorTrc

_UNSPECIFIED = 2
_HD_LINES = 720
_AS_SD = ("mjpeg", "rawvideo")
"""JPEG is BT.601 of every size (JFIF 1.02), and so are the raw pictures of webcams."""
_HDR: dict[int, str] = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}


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
