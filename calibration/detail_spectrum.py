"""Detail by direction and fineness: where a blurred frame differs from the camera's sharp ones.

Without a truth, more detail is no proof of less blur: the combs of an interlaced frame are detail,
and so are halos and what a network invents. What is wanted is as much of each kind as this camera's
sharp frames have.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW_PX = 64
_STEP_PX = 32
_NOISE = 2.0
"""Standard deviation, in steps of 8 bit, below which detail counts for nothing."""
_BAND = 4
_WINDOW = np.outer(np.hanning(WINDOW_PX), np.hanning(WINDOW_PX))


def detail_spectrum(
    picture: NDArray[np.uint8], region: tuple[int, int, int, int]
) -> NDArray[np.float64]:
    """Power of grey values by frequency, in dB, zero frequency in the middle.

    Args:
        picture: uint8 (H, W, 3), at least 64 px a side.
        region: left, top, width and height in pixels of what to look at; a window at least.

    Returns:
        float64 (64, 64), down and across.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    windows = [
        grey[y : y + WINDOW_PX, x : x + WINDOW_PX]
        for y in _places(region[1], region[3], grey.shape[0])
        for x in _places(region[0], region[2], grey.shape[1])
    ]
    powers = [np.abs(np.fft.fft2((w - w.mean()) * _WINDOW)) ** 2 for w in windows]
    floor = _NOISE**2 * (_WINDOW**2).sum()
    return np.asarray(10 * np.log10(np.fft.fftshift(np.mean(powers, axis=0)) + floor))


def apart_db(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How far two spectra are from each other: the mean over bands of the difference in dB."""
    bands = WINDOW_PX // _BAND
    difference = (one - other).reshape(bands, _BAND, bands, _BAND).mean(axis=(1, 3))
    return float(np.abs(difference).mean())


def _places(first: int, length: int, size: int) -> range:
    """Where windows begin that cover a stretch of a side, all within it."""
    middle = first + length // 2
    length = max(length, WINDOW_PX)
    begin = int(np.clip(middle - length // 2, 0, size - WINDOW_PX))
    end = min(begin + length, size)
    return range(begin, max(end - WINDOW_PX, begin) + 1, _STEP_PX)
