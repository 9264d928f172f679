"""Rows of pictures with their names, as one picture: a look beats a number."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import CalibrationError
from engines.files import writable_problem, write_atomically

Picture = NDArray[np.uint8]

_NAME_A_PICTURE = "name a picture that ends in .png or .jpg"


def contact_sheet(rows: Sequence[tuple[str, Sequence[Picture]]]) -> Picture:
    """Lay out pictures, uint8 (H, W, 3), each in the middle of a box that takes the largest.

    Boxes of smaller ones, and shorter rows, are filled up with white.
    """
    columns = max(len(pictures) for _, pictures in rows)
    shapes = [picture.shape for _, pictures in rows for picture in pictures]
    box = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)
    lines = []
    for name, pictures in rows:
        line = np.full((box[0], columns * box[1], 3), 255, np.uint8)
        for number, picture in enumerate(pictures):
            height, width = picture.shape[:2]
            top, left = (box[0] - height) // 2, number * box[1] + (box[1] - width) // 2
            line[top : top + height, left : left + width] = picture
        if name:
            _label(line, name)
        lines.append(line)
    return np.concatenate(lines, axis=0)


def write_picture(path: Path, picture: Picture) -> None:
    """Write uint8 (H, W, 3) RGB, whole or not at all.

    Raises:
        CalibrationError: pictures are not written as such files.
        OSError: the folder is missing, read-only or full.
    """
    try:
        _, data = cv2.imencode(path.suffix or ".", picture[:, :, ::-1])
    except cv2.error:
        raise CalibrationError(f"{path}: {_NAME_A_PICTURE}") from None
    write_atomically(path, lambda temporary: temporary.write_bytes(data.tobytes()))


def picture_problem(path: Path | None) -> str | None:
    """What to tell the user, before a measurement, where :func:`write_picture` would raise."""
    if path is None:
        return None
    if not cv2.haveImageWriter(str(path)):
        return f"{path}: {_NAME_A_PICTURE}"
    return writable_problem(path)


def _label(line: Picture, name: str) -> None:
    font, size, thickness = cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1
    (width, height), below = cv2.getTextSize(name, font, size, thickness)
    cv2.rectangle(line, (0, 0), (width + 12, height + below + 8), (0, 0, 0), -1)
    cv2.putText(line, name, (6, height + 5), font, size, (255, 255, 255), thickness, cv2.LINE_AA)
