"""How large a picture is shown, and which way up: pixels that are not square, sizes that were asked
for, and the display matrices of phones."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stream.capture.source import Size

_MAX_STRETCH = 4
_MATRIX_BYTES = 36


def with_square_pixels(size: Size, pixel_aspect: Fraction | None) -> Size:
    """The size of a picture with square pixels, stretched along its shorter-sampled side.

    Args:
        pixel_aspect: width of a pixel by its height; None, or one that cannot be meant (more than
            4:1), counts as square.
    """
    if not pixel_aspect or not 1 / _MAX_STRETCH <= pixel_aspect <= _MAX_STRETCH:
        return size
    if pixel_aspect > 1:
        return Size(_stretched(size.width, pixel_aspect), size.height)
    return Size(size.width, _stretched(size.height, 1 / pixel_aspect))


def fitted(size: Size, box: Size) -> Size:
    """The largest size of the same width:height in a box; its shorter side is rounded to even.

    A box of the same width:height, to a pixel, is filled.
    """
    scale = min(Fraction(box.width, size.width), Fraction(box.height, size.height))
    return Size(_filling(size.width * scale, box.width), _filling(size.height * scale, box.height))


def _stretched(length: int, factor: Fraction) -> int:
    return length if length * factor - length < 1 else _even(length * factor)


def _filling(length: Fraction, most: int) -> int:
    return most if most - length < 1 else _even(length)


def _even(length: Fraction) -> int:
    return max(2, 2 * round(length / 2))


@dataclass(frozen=True)
class Orientation:
    """What is to be done to a stored picture so that it is upright, in this order.

    Attributes:
        transposed: rows become columns.
        mirrored: left and right change places.
        upside_down: top and bottom do.
    """

    transposed: bool = False
    mirrored: bool = False
    upside_down: bool = False

    @classmethod
    def of_matrix(cls, matrix: bytes) -> "Orientation":
        """From FFmpeg's display matrix: nine int32, of which x' = a x + c y, y' = b x + d y.

        Turns that are not by quarters count as the nearest.
        """
        if len(matrix) != _MATRIX_BYTES:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).astype(float).tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transposed=True, mirrored=c < 0, upside_down=b < 0)
        return cls(mirrored=a < 0, upside_down=d < 0)

    @classmethod
    def of_exif(cls, orientation: int) -> "Orientation":
        """From EXIF's number, 1...8."""
        return cls(
            transposed=orientation in (5, 6, 7, 8),
            mirrored=orientation in (2, 3, 6, 7),
            upside_down=orientation in (3, 4, 7, 8),
        )

    @classmethod
    def of_rotation(cls, degrees: float) -> "Orientation":
        """From an angle anticlockwise; the nearest quarter counts."""
        return cls.of_exif((1, 8, 3, 6)[round(degrees / 90) % 4])

    def size(self, stored: Size) -> Size:
        """The size of an upright picture from that of the stored one, or the other way round."""
        return Size(stored.height, stored.width) if self.transposed else stored

    def upright(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) of any kind to contiguous (H, W, 3), or (W, H, 3) where transposed."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        rows, columns = (-1 if self.upside_down else 1), (-1 if self.mirrored else 1)
        return np.ascontiguousarray(pixels[::rows, ::columns])
