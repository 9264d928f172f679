"""Sharp photographs as training pairs: split by photograph, cropped, blurred, all from a seed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from calibration.errors import CalibrationError
from calibration.known_blur import KnownBlur

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


def find_photographs(folders: list[Path]) -> list[Path]:
    """Every photograph under the folders, in a stable order.

    Raises:
        CalibrationError: a folder is missing, or none of them holds a photograph.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise CalibrationError(f"{folder} is not a folder; name one that holds photographs")
        found += sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        names = ", ".join(map(str, folders))
        raise CalibrationError(f"no photographs ({' '.join(SUFFIXES)}) under {names}")
    return found


def split_photographs(paths: list[Path], held_out: float = 0.15) -> tuple[list[Path], list[Path]]:
    """Training and held-out photographs, decided by each file name alone.

    So a photograph stays on its side when others are added, and no crop of a held-out photograph
    is ever trained on. At least one is held out where there are two.
    """
    order = sorted(paths, key=lambda p: hashlib.sha256(p.name.encode()).hexdigest())
    count = max(1, round(held_out * len(order))) if len(order) > 1 else 0
    held = set(order[:count])
    return [p for p in paths if p not in held], sorted(held)


def read_photograph(path: Path) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB.

    Raises:
        CalibrationError: the file is not a picture.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise CalibrationError(f"{path} cannot be read as a picture; remove or replace it")
    return np.ascontiguousarray(picture[:, :, ::-1])


@dataclass(frozen=True)
class PairRecipe:
    """How a training pair is made.

    Attributes:
        crop_px: side of the square crop.
        sharp_share: share of pairs that are left sharp, so that the network learns to leave
            sharp frames alone.
        min_scale: photographs are reduced by a random factor between this and 1.
        min_detail: squares whose mean difference of neighbouring pixels is below this (on a
            0...255 scale) hold sky and defocus; three more are drawn before one is taken.
    """

    blur: KnownBlur = KnownBlur()
    crop_px: int = 192
    sharp_share: float = 0.05
    min_scale: float = 0.4
    min_detail: float = 4.0


class BlurredCrops(Dataset[tuple[Tensor, Tensor]]):
    """Pairs (blurred, sharp), uint8 (3, crop, crop); pair ``i`` depends on the seed and ``i`` only.

    Args:
        photographs: uint8 (H, W, 3) each.
        length: number of pairs; more may be drawn, the number bounds an epoch.
    """

    def __init__(
        self, photographs: list[NDArray[np.uint8]], recipe: PairRecipe, seed: int, length: int
    ) -> None:
        self.recipe = recipe
        self.seed = seed
        self.length = length
        need = recipe.crop_px + 2 * recipe.blur.margin_px
        self.photographs = [p for p in photographs if min(p.shape[:2]) >= need]
        if not self.photographs:
            raise CalibrationError(f"no photograph is at least {need} px on its shorter side")

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self.seed, index))
        window = self._window(random)
        margin = self.recipe.blur.margin_px
        sharp = window[margin:-margin, margin:-margin]
        if random.random() < self.recipe.sharp_share:
            blurred = sharp
        else:
            blurred = self.recipe.blur.apply(window, random)
        return to_tensor(blurred), to_tensor(sharp)

    def _window(self, random: np.random.Generator) -> NDArray[np.uint8]:
        for _ in range(4):
            window = self._any_window(random)
            if detail(window) >= self.recipe.min_detail:
                break
        return window

    def _any_window(self, random: np.random.Generator) -> NDArray[np.uint8]:
        """A sharp square with the margin that the blur needs, scaled, flipped and turned."""
        photograph = self.photographs[random.integers(len(self.photographs))]
        side = self.recipe.crop_px + 2 * self.recipe.blur.margin_px
        smallest = max(self.recipe.min_scale, side / min(photograph.shape[:2]))
        scale = random.uniform(smallest, 1.0)
        taken = min(round(side / scale), *photograph.shape[:2])
        top = random.integers(photograph.shape[0] - taken + 1)
        left = random.integers(photograph.shape[1] - taken + 1)
        window = photograph[top : top + taken, left : left + taken]
        if taken != side:
            resized = cv2.resize(window, (side, side), interpolation=cv2.INTER_AREA)
            window = np.asarray(resized, np.uint8)
        window = np.rot90(window, int(random.integers(4)))
        return np.ascontiguousarray(window[:, ::-1] if random.random() < 0.5 else window)


def detail(picture: NDArray[np.uint8]) -> float:
    """Mean absolute difference of horizontally neighbouring green values, 0...255."""
    green = picture[:, :, 1]
    return float(cv2.absdiff(green[:, 1:], green[:, :-1]).mean())


def to_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W, 3) to uint8 (3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
