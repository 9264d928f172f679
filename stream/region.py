"""A part of a frame: cut out, and put back without an edge."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_RAMP_PX = 16


@dataclass(frozen=True, kw_only=True)
class Region:
    """A rectangle inside a frame, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of (H, W, 3) pixels, contiguous."""
        rows = slice(self.top, self.top + self.height)
        return np.ascontiguousarray(pixels[rows, self.left : self.left + self.width])

    def put_back(self, pixels: NDArray[np.uint8], part: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A copy of the frame with the part in its place.

        Over 16 pixels along edges that are not the frame's own it passes into what was there.
        """
        whole = pixels.copy()
        height, width = pixels.shape[:2]
        weight = _weights(
            self.height,
            self.width,
            self.top > 0,
            self.left > 0,
            self.top + self.height < height,
            self.left + self.width < width,
        )
        place = whole[self.top : self.top + self.height, self.left : self.left + self.width]
        place[:] = (part * weight + place * (256 - weight)) >> 8
        return whole


@lru_cache(maxsize=32)
def _weights(
    height: int, width: int, top: bool, left: bool, bottom: bool, right: bool
) -> NDArray[np.uint16]:
    """(height, width, 1) how much of the part is shown, of 256."""
    rows, columns = np.full(height, 256.0), np.full(width, 256.0)
    ramp = 256 * (np.arange(_RAMP_PX) + 0.5) / _RAMP_PX
    for line, begins, ends in ((rows, top, bottom), (columns, left, right)):
        if begins:
            line[:_RAMP_PX] = ramp
        if ends:
            line[-_RAMP_PX:] = ramp[::-1]
    weights = np.minimum.outer(rows, columns)[:, :, None]
    return np.asarray(weights, np.uint16)
