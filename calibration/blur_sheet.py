"""A contact sheet of the synthetic blur: a look at what a network is trained on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.contact_sheet import contact_sheet, write_picture
from calibration.known_blur import KnownBlur
from calibration.object_motion import ObjectMotion
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.photographs import find_photographs, read_photographs
from calibration.trajectory import shake_kernel

Picture = NDArray[np.uint8]

_PX = 192
_COLUMNS = 8


def write_blur_sheet(path: Path, folders: Sequence[Path], seed: int = 0) -> None:
    """Draw kernels of 5 to 25 px, and pairs of each domain above their truths.

    Raises:
        CalibrationError: the folders hold no photographs that are large enough.
        OSError: the sheet cannot be written.
    """
    photographs = list(read_photographs(find_photographs(list(folders))).values())
    rows = [("kernels, 5 to 25 px", _kernels(seed))]
    recipes = {
        "known blur": PairRecipe(known=KnownBlur(), moving_share=0),
        "known blur with roll and parallax": PairRecipe(
            known=KnownBlur(max_roll_degrees=4.0, max_parallax=0.8), moving_share=0
        ),
        "a moving object": PairRecipe(moving=ObjectMotion(), moving_share=1),
        "one as even as skin": PairRecipe(moving=ObjectMotion(), moving_share=1, even_share=1),
    }
    for name, recipe in recipes.items():
        blurred, sharp = _pairs(photographs, recipe, seed)
        rows += [(name, blurred), ("its truth", sharp)]
    write_picture(path, contact_sheet(rows))


def _kernels(seed: int) -> list[Picture]:
    """Kernels as pictures, enlarged alike."""
    pictures = []
    for number, extent in enumerate(np.linspace(5, 25, _COLUMNS)):
        kernel = shake_kernel(float(extent), np.random.default_rng((seed, number)))
        canvas = np.zeros((64, 64), np.float32)
        top = 32 - len(kernel) // 2
        canvas[top : top + len(kernel), top : top + len(kernel)] = kernel
        grey = np.asarray(255 * np.sqrt(canvas / canvas.max()), np.uint8)
        large = cv2.resize(grey, (_PX, _PX), interpolation=cv2.INTER_NEAREST)
        pictures.append(np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB), np.uint8))
    return pictures


def _pairs(
    photographs: list[Picture], recipe: PairRecipe, seed: int
) -> tuple[list[Picture], list[Picture]]:
    shown = replace(recipe, sharp_share=0, crop_px=_PX)
    crops = BlurredCrops(photographs, shown, seed, _COLUMNS)
    pairs = [crops.pair(np.random.default_rng((seed, i))) for i in range(_COLUMNS)]
    return [blurred for blurred, _ in pairs], [sharp for _, sharp in pairs]
