"""Which matrix makes RGB of a picture's YUV where its stream does not say."""

from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

_UNSPECIFIED = 2
_HD_LINES = 720
_AS_SD = ("mjpeg", "rawvideo")
"""JPEG is BT.601 of every size (JFIF 1.02), and so are the raw pictures of webcams."""


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
