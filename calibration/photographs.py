"""Sharp photographs: found, split by photograph, read."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from calibration.jpeg_file import is_cut_off
from calibration.picture_file import decoded

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
        found += sorted(p for p in folder.rglob("*") if is_photograph(p))
    if not found:
        names = ", ".join(map(str, folders))
        raise CalibrationError(f"no photographs ({' '.join(SUFFIXES)}) under {names}")
    return found


def is_photograph(path: Path) -> bool:
    """Not what a Mac puts beside each file, ``._x.jpg``, nor a folder or a link to nowhere."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def split_photographs(
    pictures: list[Picture],
    held_out: float = 0.15,
    key: Callable[[Picture], str] = lambda picture: Path(str(picture)).name,
    *,
    trained: Collection[str] = (),
    tested: Collection[str] = (),
) -> tuple[list[Picture], list[Picture]]:
    """Training and held-out pictures, decided by their keys: the file names, in a fixed order.

    No crop of a held-out photograph is ever trained on. Pictures of one key stay together. At
    least one key is held out where there are two. When others are added, a few may change sides.

    Args:
        pictures: to be split.
        held_out: share of the keys.
        key: of a picture.
        trained, tested: names of what is on its side already, by earlier training; see
            :func:`known_again`.
    """
    keys = {key(p) for p in pictures}
    order = sorted(keys, key=lambda k: hashlib.sha256(k.encode()).hexdigest())
    count = max(1, round(held_out * len(order))) if len(order) > 1 else 0
    learned = known_again(keys, trained)
    held = known_again(keys, tested) - learned
    open_yet = [k for k in order if k not in held and k not in learned]
    held |= set(open_yet[: max(0, count - len(held))])
    train = [p for p in pictures if key(p) not in held]
    return train, sorted((p for p in pictures if key(p) in held), key=str)


def known_again(keys: Collection[str], names: Collection[str]) -> set[str]:
    """Those of the keys that a card names.

    A scene is called by its path under ``--data``, which may have named a folder further up or
    down: where a name is none of the keys, it means all that end alike.
    """
    named = set(names)
    ends = {_end(name) for name in named.difference(keys)}
    return {key for key in keys if key in named or _end(key) in ends}


def _end(name: str) -> str:
    return PurePosixPath(name).name


def trained_on(card: Mapping[str, Any]) -> list[str]:
    """Names of the photographs, or of the scenes of pairs, that a profile's networks learned from.

    Args:
        card: of the profile.
    """
    names: list[str] = card.get("training", {}).get("data", [])
    return names


def tested_on(card: Mapping[str, Any]) -> list[str]:
    """Names of those that were held out."""
    names: list[str] = card.get("training", {}).get("held_out", [])
    return names


def was_trained_on(path: Path, names: Collection[str]) -> bool:
    """Whether a picture is one of those that a card names: by its file, or its scene among pairs.

    Args:
        path: of the picture.
        names: the card's ``data``.
    """
    return not {_end(name) for name in names}.isdisjoint(path.parts)


def read_photographs(paths: Iterable[Path]) -> dict[Path, NDArray[np.uint8]]:
    """Each as :func:`read_photograph` has it.

    Raises:
        CalibrationError: some are not pictures; all of those are named.
    """
    pictures, problems = {}, []
    for path in paths:
        try:
            pictures[path] = read_photograph(path)
        except CalibrationError as error:
            problems.append(str(error))
    if problems:
        raise CalibrationError("\n".join(problems))
    return pictures


def large_enough(
    pictures: Mapping[Path, NDArray[np.uint8]], need_px: int
) -> dict[Path, NDArray[np.uint8]]:
    """Those that crops can be cut from.

    Raises:
        CalibrationError: there is none.
    """
    large = {path: p for path, p in pictures.items() if min(p.shape[:2]) >= need_px}
    if not large:
        raise CalibrationError(f"no photograph is at least {need_px} px on its shorter side")
    return large


def read_photograph(path: Path) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB.

    Raises:
        CalibrationError: the file is not a picture, or not all of one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror}") from None
    if is_cut_off(data):
        raise CalibrationError(f"{path} is cut off; copy it again, or remove it")
    picture = decoded(data)
    if picture is None:
        raise CalibrationError(f"{path} cannot be read as a picture; remove or replace it")
    return picture
