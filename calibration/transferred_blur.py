"""Known blur taken over from pairs: the blur that a deblurrer was really trained on.

Where a deblurrer comes from a data set of its own (NAFNet from GoPro, say), its known blur is not
the random shake of `calibration.known_blur` but what is in that set. Each time a picture is to be
blurred, the kernel of a patch of a random pair is estimated and laid over the picture, as the paper
lays the blur of GoPro over a camera's sharp frames (Blur2Blur, Pham et al., CVPR 2024, section 3.2;
it has a network for that, which this has not).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.camera import to_linear
from calibration.errors import CalibrationError
from calibration.known_blur import KnownBlur, blur
from calibration.paired_folders import PicturePair, find_pairs
from calibration.photographs import read_photograph

_PATCH_PX = 192
_RADIUS_PX = 20
_RIDGE = 2e-3
"""Share of the sharp patch's mean power that is added where it has little."""
_FAINT = 0.04
"""Share of the largest weight under which a weight is taken for noise."""
_MIN_CONTRAST = 0.02
_EXPLAINED = 0.7
"""Share of the difference between the patches that the kernel has to explain."""
_TRIES = 200
"""Patches that are looked at: a run must not end after hours for a dozen flat ones."""


@dataclass(frozen=True, kw_only=True)
class TransferredBlur(KnownBlur):
    """Blur of pairs on disk; what is drawn from extents does not apply.

    Attributes:
        pairs: of blurred and sharp pictures, GoPro's or REDS's layout.
    """

    pairs: tuple[PicturePair, ...] = ()

    def __post_init__(self) -> None:
        if not self.pairs:
            raise CalibrationError("there are no pairs to take blur from")

    @classmethod
    def of_folders(cls, folders: Sequence[Path]) -> "TransferredBlur":
        """Of all pairs under folders, see :func:`calibration.paired_folders.find_pairs`.

        Raises:
            CalibrationError: there are none under one of them.
        """
        pairs: list[PicturePair] = []
        for folder in folders:
            if not (found := find_pairs([folder])):
                what = "holds no pairs" if folder.is_dir() else "is no folder"
                raise CalibrationError(
                    f"{folder} {what}; blur is taken from SCENE/blur beside SCENE/sharp, or "
                    "train_blur beside train_sharp"
                )
            pairs += found
        return cls(pairs=tuple(pairs))

    @property
    def margin_px(self) -> int:
        return _RADIUS_PX + 1

    @property
    def holds_objects(self) -> bool:
        return True

    def apply_and_tell(
        self, sharp: NDArray[np.uint8], random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64] | None]:
        """Blur one picture, as :class:`KnownBlur` does; its trajectory nobody knows.

        Raises:
            CalibrationError: no patch of the pairs shows a kernel.
        """
        kernel = self.kernel(random)
        m = self.margin_px
        blurred = blur(to_linear(sharp), kernel)
        return self.camera.expose(np.ascontiguousarray(blurred[m:-m, m:-m]), random), None

    def kernel(self, random: np.random.Generator) -> NDArray[np.float32]:
        """The blur of a random patch that shows one clearly, float32 (41, 41), its sum 1."""
        for _ in range(_TRIES):
            pair = self.pairs[random.integers(len(self.pairs))]
            blurred, sharp = (to_linear(read_photograph(p)) for p in (pair.blurred, pair.sharp))
            side = min(_PATCH_PX, *sharp.shape[:2])
            if blurred.shape != sharp.shape or side <= 2 * _RADIUS_PX:
                raise CalibrationError(
                    f"{pair.blurred} and {pair.sharp} are {blurred.shape} and {sharp.shape}; "
                    f"expected the same size, more than {2 * _RADIUS_PX} px"
                )
            top, left = (int(random.integers(length - side + 1)) for length in sharp.shape[:2])
            square = (slice(top, top + side), slice(left, left + side), 1)  # green
            if sharp[square].std() < _MIN_CONTRAST:
                continue
            kernel = estimated_kernel(blurred[square], sharp[square])
            if explained_share(kernel, blurred[square], sharp[square]) > _EXPLAINED:
                return kernel
        raise CalibrationError(
            f"no patch of {_TRIES} of the pairs has a blur that one kernel explains: are they "
            "blurred and sharp pictures of the same moment?"
        )


def estimated_kernel(
    blurred: NDArray[np.float32], sharp: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The kernel that makes one patch of the other, (41, 41), weights of 0 and more, its sum 1.

    Least squares with a ridge, in the Fourier domain, of windowed patches without their means.

    Args:
        blurred, sharp: linear light (H, W), one channel, at least 41 px a side.
    """
    window = np.outer(np.hanning(len(sharp)), np.hanning(sharp.shape[1]))
    b, s = (np.fft.fft2((p - p.mean()) * window) for p in (blurred, sharp))
    power = np.abs(s) ** 2
    found = np.fft.ifft2(b * np.conj(s) / (power + _RIDGE * power.mean())).real
    centred = np.fft.fftshift(found)
    row, column = (length // 2 for length in centred.shape)
    r = _RADIUS_PX
    weights = centred[row - r : row + r + 1, column - r : column + r + 1]
    weights = np.where(weights > _FAINT * weights.max(), weights, 0.0)
    return np.asarray(weights / weights.sum(), np.float32)


def explained_share(
    kernel: NDArray[np.float32], blurred: NDArray[np.float32], sharp: NDArray[np.float32]
) -> float:
    """How much of the difference between the patches the kernel explains, at most 1."""
    m = _RADIUS_PX
    made = blur(np.ascontiguousarray(sharp), kernel)[m:-m, m:-m]
    given, before = blurred[m:-m, m:-m], sharp[m:-m, m:-m]
    difference = float(((given - before) ** 2).mean())
    return 1.0 - float(((given - made) ** 2).mean()) / max(difference, 1e-12)
