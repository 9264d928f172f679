"""Pictures of files, wherever those lie: OpenCV opens no path beyond ASCII on Windows."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def read_picture(path: Path) -> NDArray[np.uint8] | None:
    """See :func:`decoded`.

    Raises:
        OSError: the file cannot be read.
    """
    return decoded(path.read_bytes())


def decoded(data: bytes) -> NDArray[np.uint8] | None:
    """A picture, uint8 (H, W, 3) RGB, turned as its EXIF says; None where the bytes are none.

    Nor is one that OpenCV does not open: of more than 2**30 pixels, or of a side beyond 2**20.
    """
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # of no bytes, too
        return None
    return None if picture is None else np.ascontiguousarray(picture[:, :, ::-1], np.uint8)
