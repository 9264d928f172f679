"""Sharp photographs: found, split by photograph, read."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError

Picture = TypeVar("Picture")

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


def split_photographs(
    pictures: list[Picture],
    held_out: float = 0.15,
    key: Callable[[Picture], str] = lambda picture: Path(str(picture)).name,
) -> tuple[list[Picture], list[Picture]]:
    """Training and held-out pictures, decided by each one's key alone: the file name.

    So a photograph stays on its side when others are added, and no crop of a held-out photograph
    is ever trained on. Pictures of one key stay together. At least one key is held out where there
    are two.
    """
    order = sorted({key(p) for p in pictures}, key=lambda k: hashlib.sha256(k.encode()).hexdigest())
    count = max(1, round(held_out * len(order))) if len(order) > 1 else 0
    held = set(order[:count])
    train = [p for p in pictures if key(p) not in held]
    return train, sorted((p for p in pictures if key(p) in held), key=str)


def read_photograph(path: Path) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB.

    Raises:
        CalibrationError: the file is not a picture.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise CalibrationError(f"{path} cannot be read as a picture; remove or replace it")
    return np.ascontiguousarray(picture[:, :, ::-1])
