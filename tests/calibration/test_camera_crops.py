from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.acuity import Judgement, Verdict, noise_level
from calibration.camera_crops import CameraCrops
from calibration.known_blur import KnownBlur
from calibration.object_motion import ObjectMotion
from calibration.recording import CalibrationRecording, RecordingRule


def frame(noise: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """Something soft and rich in contrast, through a camera with so much noise in luma."""
    colours = random.integers(60, 200, (360, 480, 3), np.uint8)
    soft = cv2.GaussianBlur(colours, (0, 0), 12).astype(float)
    grey = noise * random.standard_normal((360, 480, 1))
    return np.clip(np.rint(8 * (soft - soft.mean()) + 128 + grey), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [2.0, 4.0])
@pytest.mark.parametrize("moves", ["camera", "thing"])
@pytest.mark.parametrize("extents_px", [(5.0, 25.0), (0.0, 0.0)])
def test_known_blur_is_as_noisy_as_the_cameras_own(
    tmp_path: Path, extents_px: tuple[float, float], moves: str, noise: float
) -> None:
    random = np.random.default_rng(0)
    everywhere = np.ones((11, 15), bool)
    moved = everywhere.copy()
    if moves == "thing":
        moved[:3], moved[8:], moved[:, :4], moved[:, 9:] = False, False, False, False
    recording = CalibrationRecording(tmp_path, RecordingRule(min_difference=0.0))
    for number in range(3):
        sharp = Judgement(Verdict.SHARP, 1.0, everywhere, 0.0)
        recording.offer("a", 10.0 * number, frame(noise, random), sharp)
        blurry = Judgement(Verdict.BLURRY, 0.5, moved, 0.1)
        recording.offer("a", 10.0 * number + 5, frame(noise, random), blurry)
    extents = {"min_extent_px": extents_px[0], "max_extent_px": extents_px[1]}
    known, moving = KnownBlur(**extents), ObjectMotion(**extents)
    crops = CameraCrops(recording, crop_px=128, seed=0, length=40, known=known, moving=moving)
    assert crops.moving_share == (moves == "thing")
    pairs = [[part.permute(1, 2, 0).contiguous().numpy() for part in crops[i]] for i in range(40)]
    camera, made = (np.median([noise_level(p) for p in part]) for part in zip(*pairs, strict=True))
    assert made == pytest.approx(camera, rel=0.1)
