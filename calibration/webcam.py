"""What a webcam does to a picture after the exposure: it softens noise, sharpens, and codes.

Known blur is made of clean photographs. Behind a real webcam the same motion has halos along its
trails, no grain in them, and blocks of a codec, and a network that never saw that restores less.
"""

from dataclasses import dataclass
from io import BytesIO

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import through_jpeg

Picture = NDArray[np.uint8]

_SOFTENED_SHARE, _SHARPENED_SHARE = 0.5, 0.6
_JPEG_SHARE, _H264_SHARE = 0.25, 0.4


@dataclass(frozen=True, kw_only=True)
class Webcam:
    """What some pictures of a training set go through.

    Attributes:
        share: of the pictures; each of them is softened, sharpened and coded with a chance of its
            own, and as strongly as is drawn.
        softness: weakest and strongest noise reduction, as :func:`softened` has it.
        sharpness: weakest and strongest sharpening, as :func:`sharpened` has it.
        jpeg_quality: lowest and highest.
        h264_crf: finest and coarsest.
    """

    share: float = 0.0
    softness: tuple[float, float] = (8.0, 30.0)
    sharpness: tuple[float, float] = (0.2, 1.0)
    jpeg_quality: tuple[int, int] = (60, 95)
    h264_crf: tuple[int, int] = (20, 32)

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share}; expected 0 to 1")

    def processed(
        self, blurred: Picture, sharp: Picture, random: np.random.Generator
    ) -> tuple[Picture, Picture]:
        """A picture as this webcam delivers it, and its truth: softened and sharpened, not coded.

        So what is restored looks like the rest of the picture, which keeps its halos.

        Args:
            blurred, sharp: uint8 (H, W, 3), H and W even.
            random: nothing is drawn where no picture is processed.
        """
        if not self.share or random.random() >= self.share:
            return blurred, sharp
        if random.random() < _SOFTENED_SHARE:
            softness = random.uniform(*self.softness)
            blurred, sharp = softened(blurred, softness), softened(sharp, softness)
        if random.random() < _SHARPENED_SHARE:
            strength, radius_px = random.uniform(*self.sharpness), random.uniform(0.8, 1.6)
            blurred = sharpened(blurred, strength, radius_px)
            sharp = sharpened(sharp, strength, radius_px)
        return self._coded(blurred, random), sharp

    def _coded(self, picture: Picture, random: np.random.Generator) -> Picture:
        coder = random.random()
        if coder < _JPEG_SHARE:
            return through_jpeg(picture, int(random.integers(*self.jpeg_quality, endpoint=True)))
        if coder < _JPEG_SHARE + _H264_SHARE:
            return through_h264(picture, int(random.integers(*self.h264_crf, endpoint=True)))
        return picture


def softened(picture: Picture, softness: float = 20.0) -> Picture:
    """Noise reduced where edges are not: differences well below ``softness`` (of 255) go."""
    return np.asarray(cv2.bilateralFilter(picture, 5, softness, 2), np.uint8)


def sharpened(picture: Picture, strength: float = 0.8, radius_px: float = 1.2) -> Picture:
    """An unsharp mask: halos as webcams draw them."""
    given = picture.astype(np.float32)
    crisp = given + strength * (given - cv2.GaussianBlur(given, (0, 0), radius_px))
    return np.clip(np.rint(crisp), 0, 255).astype(np.uint8)


def through_h264(picture: Picture, crf: int) -> Picture:
    """One frame, coded by itself; height and width are even."""
    packed = BytesIO()
    with av.open(packed, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": str(crf)})
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    packed.seek(0)
    with av.open(packed, "r") as container:
        decoded = next(container.decode(video=0))
        return np.ascontiguousarray(decoded.to_ndarray(format="rgb24"))
