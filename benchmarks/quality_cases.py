"""Pictures to measure quality on: photographs that no network saw, blurred from seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.known_blur import KnownBlur
from calibration.motion import displacements
from calibration.object_motion import MovingObject, ObjectMotion, evened
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.photographs import (
    find_photographs,
    large_enough,
    read_photographs,
    trained_on,
    was_trained_on,
)
from calibration.trajectory import rasterise
from engines.profile import Profile

Picture = NDArray[np.uint8]

CROP_PX = 256
SEED = 31


@dataclass(frozen=True)
class KnownCase:
    """A shaken picture, its truth and the motion that made it.

    Attributes:
        blurred, sharp: the pictures.
        kernel: float32 (side, side), sums to 1.
        displacements: the same as networks that look for motion estimate it
            (:func:`calibration.motion.displacements`).
        extent_px: the longer side of what the trajectory covers.
    """

    blurred: Picture
    sharp: Picture
    kernel: NDArray[np.float32]
    displacements: NDArray[np.float32]
    extent_px: float


@dataclass(frozen=True)
class Cases:
    """Shaken pictures; moving objects, with detail and even as skin; pictures that are sharp."""

    known: list[KnownCase]
    moving: list[MovingObject]
    even: list[MovingObject]
    sharp: list[Picture]


def make_cases(photographs: list[Picture], known: int, moving: int, sharp: int) -> Cases:
    """The same pictures every time, 256x256, from the plain known and object-motion domains.

    Args:
        photographs: uint8 (H, W, 3) each.
        known, sharp: how many pictures.
        moving: how many with a moving object of each kind.
    """
    shake, motion = KnownBlur(), ObjectMotion()
    recipe = PairRecipe(known=shake, moving=motion, crop_px=CROP_PX)
    crops = BlurredCrops(photographs, recipe, SEED, 0)
    shaken = []
    for number in range(known):
        random = np.random.default_rng((SEED, number))
        window = crops.window(shake.margin_px, random)
        path = shake.trajectory(np.random.default_rng((SEED, 1, number)))
        blurred = shake.apply(window, np.random.default_rng((SEED, 1, number)))
        truth = np.ascontiguousarray(inner(window, shake.margin_px))
        extent = float(np.ptp(path, axis=0).max())
        shaken.append(KnownCase(blurred, truth, rasterise(path), displacements(path), extent))
    scenes, even = [], []
    for number in range(moving):
        random = np.random.default_rng((SEED, 2, number))
        background, texture = (crops.window(motion.margin_px, random) for _ in range(2))
        scenes.append(motion.apply(background, texture, random))
        random = np.random.default_rng((SEED, 5, number))
        background, texture = (crops.window(motion.margin_px, random) for _ in range(2))
        even.append(motion.apply(background, evened(texture, background, random), random))
    still = [crops.window(0, np.random.default_rng((SEED, 3, number))) for number in range(sharp)]
    return Cases(shaken, scenes, even, still)


def unseen_photographs(
    folders: Sequence[Path], profiles: Iterable[Profile]
) -> tuple[list[Picture], list[str]]:
    """Photographs that none of the networks was trained on, and their files' names."""
    if folders:
        paths = find_photographs(list(folders))
    else:
        import skimage

        folder = Path(skimage.__file__).parent / "data"
        names = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
        paths = [folder / name for name in names]
    seen = {name for profile in profiles for name in trained_on(profile.card)}
    paths = [path for path in paths if not was_trained_on(path, seen)]
    if not paths:
        raise CalibrationError(
            "every photograph there was trained on by one of the networks; name others with --data"
        )
    smallest = CROP_PX + 2 * KnownBlur().margin_px
    large = large_enough(read_photographs(paths), smallest)
    return list(large.values()), [path.name for path in large]


def inner(picture: NDArray[Any], margin: int) -> NDArray[Any]:
    return picture[margin:-margin, margin:-margin]
