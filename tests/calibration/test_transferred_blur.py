"""Blur that is taken over from pairs, of pairs whose blur is known."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.camera import to_display, to_linear
from calibration.camera_crops import CameraCrops
from calibration.errors import CalibrationError
from calibration.known_blur import KnownBlur, blur
from calibration.paired_folders import find_pairs
from calibration.recording import CalibrationRecording
from calibration.trajectory import shake_kernel
from calibration.transferred_blur import TransferredBlur, estimated_kernel, explained_share
from tests.calibration.test_recording import RULE, record
from tests.calibration.virtual_camera import shots
from tests.conftest import discs


def padded(kernel: np.ndarray) -> np.ndarray:
    pad = (41 - len(kernel)) // 2
    return np.pad(kernel, pad)


@pytest.mark.parametrize("extent", [6.0, 15.0, 25.0])
def test_kernel_is_the_one_that_made_the_blur(extent: float) -> None:
    light = to_linear(discs(0, 260))
    true = shake_kernel(extent, np.random.default_rng(int(extent)))
    blurred = blur(light, true)
    square = (slice(30, 222), slice(30, 222), 1)
    found = estimated_kernel(blurred[square], light[square])
    assert found.shape == (41, 41)
    assert found.sum() == pytest.approx(1.0, abs=1e-4)
    near = [cv2.GaussianBlur(k, (0, 0), 1.5).ravel() for k in (found, padded(true))]
    assert np.corrcoef(*near)[0, 1] > 0.9
    assert explained_share(found, blurred[square], light[square]) > 0.9


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """GoPro's layout, every picture with the same blur."""
    kernel = shake_kernel(14.0, np.random.default_rng(3))
    for number in range(3):
        sharp = discs(number, 260)
        for kind, picture in (
            ("sharp", sharp),
            ("blur", to_display(blur(to_linear(sharp), kernel))),
        ):
            folder = tmp_path / "scene" / kind
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{number}.png"), picture)
    return tmp_path


def test_picture_gets_the_blur_of_the_pairs(pairs: Path) -> None:
    transferred = TransferredBlur(pairs=tuple(find_pairs([pairs])))
    assert isinstance(transferred, KnownBlur), "it goes wherever known blur goes"
    m = transferred.margin_px
    sharp = discs(9, 260)
    made = transferred.apply(sharp, np.random.default_rng(0))
    true = to_display(blur(to_linear(sharp), shake_kernel(14.0, np.random.default_rng(3))))
    assert made.shape == (260 - 2 * m, 260 - 2 * m, 3)
    error, before = (
        np.abs(picture.astype(float) - true[m:-m, m:-m]).mean()
        for picture in (made, sharp[m:-m, m:-m])
    )
    assert error < 0.35 * before
    assert np.array_equal(made, transferred.apply(sharp, np.random.default_rng(0)))


@pytest.mark.parametrize("object_only", [True, False], ids=["still camera", "moving camera"])
def test_translators_are_shown_the_blur_of_the_pairs(
    pairs: Path, tmp_path: Path, object_only: bool
) -> None:
    """A camera that stands still shows things that move: the pairs know how they do."""
    folder = tmp_path / "camera"
    rule = replace(RULE, blurry=4, sharp=4)
    record(folder, list(shots(240, 7, object_only=object_only)), rule)
    recording = CalibrationRecording.made(folder)
    transferred = TransferredBlur(pairs=tuple(find_pairs([pairs])))
    crops = CameraCrops(recording, crop_px=128, seed=0, length=4, known=transferred)
    true = padded(shake_kernel(14.0, np.random.default_rng(3)))
    kernel = crops.known.recipe.known.kernel(np.random.default_rng(0))  # type: ignore[attr-defined]
    near = [cv2.GaussianBlur(k, (0, 0), 1.5).ravel() for k in (kernel, true)]
    assert np.corrcoef(*near)[0, 1] > 0.9
    for number in range(4):
        random = np.random.default_rng((0, number))
        made = crops.known.example(random)
        light = [to_linear(np.ascontiguousarray(p)) for p in (made.blurred, made.sharp)]
        r = 21
        again = blur(light[1], kernel)[r:-r, r:-r]
        before = np.abs(light[0] - light[1])[r:-r, r:-r].mean()
        assert np.abs(light[0][r:-r, r:-r] - again).mean() < 0.5 * before


def test_pairs_of_different_things_are_refused(pairs: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(pairs / "scene" / "sharp" / f"{number}.png"), discs(20 + number, 260))
    transferred = TransferredBlur(pairs=tuple(find_pairs([pairs])))
    with pytest.raises(CalibrationError, match="same moment"):
        transferred.kernel(np.random.default_rng(0))
    with pytest.raises(CalibrationError, match="no pairs"):
        TransferredBlur(pairs=())
