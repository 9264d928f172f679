from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.calibration.virtual_camera import Shot, shots


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawings with sharp edges that stand in for photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    for index in range(6):
        random = np.random.default_rng(index)
        canvas = np.full((360, 400, 3), 128, np.uint8)
        for _ in range(80):
            corner = random.integers(0, 400, 2)
            size = random.integers(5, 60, 2)
            colour = tuple(int(c) for c in random.integers(0, 256, 3))
            first, second = tuple(map(int, corner)), tuple(map(int, corner + size))
            cv2.rectangle(canvas, first, second, colour, -1)
        cv2.imwrite(str(folder / f"photo{index}.png"), canvas)
    return folder


@pytest.fixture(scope="session")
def seen() -> list[Shot]:
    """Eight seconds of a camera before which a thing moves."""
    return list(shots(240, 7, object_only=True))
