"""Blurred and sharp pictures in pairs, as the GoPro and REDS data sets lay them out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from calibration.errors import CalibrationError
from calibration.pairs import to_tensor
from calibration.photographs import is_photograph, read_photograph


@dataclass(frozen=True)
class PicturePair:
    """Two files of one picture. ``scene`` names the sequence: pairs of one are not split."""

    blurred: Path
    sharp: Path
    scene: str


def find_pairs(folders: list[Path]) -> list[PicturePair]:
    """Every blurred picture under the folders, each with the sharp one of the same name.

    GoPro: ``SCENE/blur/000001.png`` beside ``SCENE/sharp/000001.png``. REDS:
    ``train_blur/SCENE/00000000.png`` beside ``train_sharp/SCENE/00000000.png``.

    Raises:
        CalibrationError: a blurred picture has no sharp one: it would be taken for a photograph.
    """
    found = []
    for folder in folders:
        for blurred in sorted(p for p in folder.rglob("*") if is_photograph(p)):
            sharp = _partner(blurred, folder)
            if sharp is not None:
                found.append(PicturePair(blurred, sharp, _scene(blurred, folder)))
    alone = [pair for pair in found if not pair.sharp.is_file()]
    if alone:
        others = f", and {len(alone) - 1} more have none" if len(alone) > 1 else ""
        raise CalibrationError(
            f"{alone[0].blurred} is blurred and has no sharp partner {alone[0].sharp}{others}; "
            "partners have the same name, ending and all: rename them, or remove what has none"
        )
    return found


class PairedCrops(Dataset[tuple[Tensor, Tensor]]):
    """Crops of pairs on disk, uint8 (3, crop, crop) both, flipped and turned alike.

    Crop ``i`` depends on the seed and ``i`` only.
    """

    def __init__(self, pairs: list[PicturePair], crop_px: int, seed: int, length: int) -> None:
        if not pairs:
            raise CalibrationError("there are no pairs to train on: all are held out")
        self.pairs = pairs
        self.crop_px = crop_px
        self.seed = seed
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self.seed, index))
        pair = self.pairs[random.integers(len(self.pairs))]
        blurred, sharp = read_photograph(pair.blurred), read_photograph(pair.sharp)
        height, width = blurred.shape[:2]
        if sharp.shape != blurred.shape or min(height, width) < self.crop_px:
            raise CalibrationError(
                f"{pair.blurred} and {pair.sharp} are {blurred.shape} and {sharp.shape}; expected "
                f"the same size, at least {self.crop_px} px"
            )
        top = random.integers(height - self.crop_px + 1)
        left = random.integers(width - self.crop_px + 1)
        square = (slice(top, top + self.crop_px), slice(left, left + self.crop_px))
        both = torch.stack([to_tensor(blurred[square]), to_tensor(sharp[square])])
        both = torch.rot90(both, int(random.integers(4)), (2, 3))
        if random.random() < 0.5:
            both = both.flip(3)
        return both[0].contiguous(), both[1].contiguous()


def _partner(blurred: Path, folder: Path) -> Path | None:
    """Where the sharp file of a blurred one has to be; None where it is not one of a pair.

    That is in the nearest folder that says blur, saying sharp instead, where there is such a one.
    """
    parts = list(blurred.relative_to(folder).parts)
    for place in reversed(range(len(parts) - 1)):
        name = parts[place]
        if name == "blur" or name.endswith("_blur"):
            parts[place] = name.removesuffix("blur") + "sharp"
            beside = folder.joinpath(*parts[: place + 1])
            return folder.joinpath(*parts) if beside.is_dir() else None
    return None


def _scene(blurred: Path, folder: Path) -> str:
    names = [n for n in blurred.relative_to(folder).parts[:-1] if not n.endswith("blur")]
    return "/".join(names) or folder.resolve().name
