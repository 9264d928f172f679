"""The camera between light and file: response, noise, compression.

Motion blur adds up light, so it is computed on linear values; then the camera's chain makes 8-bit
display values of them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GAMMA = 2.2
"""Exponent of the camera response: ``linear = display ** GAMMA``, both in 0...1."""

_LINEAR_OF_DISPLAY = (np.arange(256, dtype=np.float32) / 255.0) ** GAMMA


@dataclass(frozen=True, kw_only=True)
class Camera:
    """From light to 8-bit pixels.

    Attributes:
        max_noise: largest standard deviation of the Gaussian noise on a 0...255 scale; each
            picture's is drawn uniformly from zero.
        compressed_share: share of the pictures that go through JPEG, as most webcams send them.
        jpeg_quality: lowest and highest quality of these.
    """

    max_noise: float = 2.0
    compressed_share: float = 0.0
    jpeg_quality: tuple[int, int] = (60, 95)

    def __post_init__(self) -> None:
        if self.max_noise < 0:
            raise ValueError(f"max_noise is {self.max_noise}; expected 0 or more")
        if not 0 <= self.compressed_share <= 1:
            raise ValueError(f"compressed_share is {self.compressed_share}; expected 0 to 1")
        lowest, highest = self.jpeg_quality
        if not 1 <= lowest <= highest <= 100:
            raise ValueError(
                f"jpeg_quality is {self.jpeg_quality}; expected 1 <= low <= high <= 100"
            )

    def expose(self, linear: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.uint8]:
        """What the camera delivers, uint8 (H, W, 3), for linear light in 0...1."""
        display = 255.0 * cv2.pow(np.maximum(linear, 0.0), 1 / GAMMA)
        sigma = np.float32(random.uniform(0.0, self.max_noise))
        display += sigma * random.standard_normal(display.shape, dtype=np.float32)
        pixels: NDArray[np.uint8] = np.clip(np.rint(display), 0, 255).astype(np.uint8)
        if self.compressed_share and random.random() < self.compressed_share:
            quality = int(random.integers(self.jpeg_quality[0], self.jpeg_quality[1] + 1))
            pixels = through_jpeg(pixels, quality)
        return pixels


def to_linear(display: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Linear light in 0...1 of display values, float32 of the same shape."""
    light: NDArray[np.float32] = _LINEAR_OF_DISPLAY[display]
    return light


def to_display(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Display values of linear light, uint8 of the same shape: a camera without noise."""
    display = 255.0 * cv2.pow(np.clip(linear, 0.0, 1.0), 1 / GAMMA)
    return np.asarray(np.rint(display), np.uint8)


def through_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, packed = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    unpacked = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert unpacked is not None
    return np.ascontiguousarray(unpacked[:, :, ::-1]).astype(np.uint8, copy=False)
