from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.acuity import Judgement, Verdict, noise_level
from calibration.camera_crops import CameraCrops, open_camera_crops
from calibration.errors import CalibrationError
from calibration.kept_frame import KeptFrame
from calibration.known_blur import KnownBlur
from calibration.known_domains import known_domains, least_frame_px
from calibration.object_motion import ObjectMotion
from calibration.recording import CalibrationRecording, RecordingRule
from engines.profile import load_profile


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


class CountingRecording(CalibrationRecording):
    """One that tells how often a frame was read."""

    reads = 0

    def read(self, frame: KeptFrame) -> NDArray[np.uint8]:
        self.reads += 1
        return super().read(frame)


def of_frames(folder: Path, size: tuple[int, int], clips: str) -> CountingRecording:
    """Two sharp and two blurry frames of each clip, of that height and width."""
    random = np.random.default_rng(1)
    everywhere = np.ones((size[0] // 32, size[1] // 32), bool)
    recording = CountingRecording(folder)
    for clip in clips:
        for number in range(4):
            kind = Verdict.SHARP if number % 2 else Verdict.BLURRY
            pixels = random.integers(0, 256, (*size, 3), np.uint8)
            recording.offer(clip, number, pixels, Judgement(kind, 1.0, everywhere, 0.1))
    return recording


@pytest.mark.parametrize("held_out", ["", "b"])
def test_each_frame_is_read_and_held_once(tmp_path: Path, held_out: str) -> None:
    """Where no clip was held out it was held twice, in gigabytes."""
    recording = of_frames(tmp_path, (256, 320), clips="ab")
    slow = {"min_extent_px": 3.0, "max_extent_px": 6.0}
    training, checked = open_camera_crops(
        recording,
        frozenset(held_out),
        crop_px=128,
        seed=7,
        length=4,
        known=KnownBlur(**slow),
        moving=ObjectMotion(**slow),
    )
    assert recording.reads == len(recording.frames) == 8
    (unknown, known), others = training[2], checked[2]
    assert not (unknown.equal(others[0]) or known.equal(others[1])), "other crops"
    again = training[2]
    assert unknown.equal(again[0])
    assert known.equal(again[1])


def test_frames_that_are_too_small_are_named_with_what_is_needed(tmp_path: Path) -> None:
    card = load_profile("balanced").card
    known, moving = known_domains(card)
    need_px = least_frame_px(card)
    for height in (need_px - 1, need_px):
        recording = of_frames(tmp_path / f"{height}", (height, 320), clips="a")
        try:
            CameraCrops(recording, crop_px=128, seed=0, length=1, known=known, moving=moving)
        except CalibrationError as error:
            assert height < need_px
            assert f"{recording.folder} holds frames of 320x{height}" in str(error)
            assert f"{need_px} px" in str(error)
            assert "--size" in str(error)
        else:
            assert height == need_px
