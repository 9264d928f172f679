"""What is found about a profile and a camera: plain decisions over plain figures."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration.acuity import Verdict
from calibration.camera_findings import (
    FrameFigures,
    ProfileFigures,
    advice,
    finding,
    frame_figures,
    instead,
    tiles_of,
    wanted_spectrum,
)
from calibration.detail_spectrum import detail_spectrum
from calibration.kept_frame import KeptFrame

BETTER = FrameFigures(
    detail_deblurred=0.6, detail_profile=0.8, apart_deblurred_db=5.0, apart_profile_db=4.5,
    still_psnr_db=50.0,
)  # fmt: skip
GOOD = ProfileFigures(frames=(BETTER,) * 10, sharp_psnr_db=(45.0, 60.0))
FRAME = KeptFrame(
    file="a.png", sha256="", kind=Verdict.BLURRY, clip="a", at_s=0.0, acuity=0.6,
    region=(0, 0, 64, 64), noise=1.0, brightness=120.0,
)  # fmt: skip


def test_profile_that_sharpens_and_leaves_the_rest_alone_helps() -> None:
    found = finding(GOOD)
    assert found.helps
    assert "0.5 dB nearer to" in found.reasons[0]


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        (replace(GOOD, frames=(replace(BETTER, apart_profile_db=4.9),) * 10), "0.1 dB nearer to"),
        (replace(GOOD, frames=(replace(BETTER, apart_profile_db=5.6),) * 10), "0.6 dB further"),
        (replace(GOOD, frames=(BETTER,) * 6 + (replace(BETTER, apart_profile_db=6),) * 4), "60 %"),
        (replace(GOOD, frames=(replace(BETTER, still_psnr_db=30.0),) * 10), "stands still"),
        (replace(GOOD, sharp_psnr_db=(30.0,)), "what is sharp is changed"),
        (replace(GOOD, frames=()), "record more"),
    ],
)
def test_it_may_say_no(figures: ProfileFigures, reason: str) -> None:
    found = finding(figures)
    assert not found.helps
    assert any(reason in line for line in found.reasons), found.reasons


LEARNED = {"crops": 4000, "validation_told_apart": 0.47, "validation_change": 0.001}


@pytest.mark.parametrize(
    ("training", "says"),
    [
        (LEARNED, "rightly in 47 %"),
        (LEARNED | {"crops": 200}, "train for longer"),
        (LEARNED | {"validation_told_apart": 0.9}, "train for longer"),
        (LEARNED | {"validation_change": 0.01}, "train for longer"),
        ({}, "train for longer"),
    ],
)
def test_blur_that_is_known_already_wants_no_longer_training(
    training: dict[str, float], says: str
) -> None:
    assert says in instead(training)


def frames(**change: float) -> list[KeptFrame]:
    blurry = [replace(FRAME, **change)] * 150  # type: ignore[arg-type]
    return blurry + [replace(frame, kind=Verdict.SHARP, acuity=1.0) for frame in blurry]


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (frames(), "are fine"),
        (frames(brightness=40.0), "dark"),
        (frames(brightness=80.0), "dim"),
        (frames(noise=5.0), "noisy"),
        (frames(acuity=0.3), "Shorter exposure"),
        (frames()[140:160], "Record more"),
        ([], "Record more"),
    ],
)
def test_advice_follows_what_was_recorded(seen: list[KeptFrame], says: str) -> None:
    assert any(says in line for line in advice(seen))


def test_figures_of_a_frame_tell_blur_from_detail_and_still_from_moved() -> None:
    random = np.random.default_rng(0)
    sharp = cv2.resize(random.integers(0, 256, (64, 80, 3), np.uint8), (320, 256))
    region = (32, 32, 96, 96)
    x = sharp.copy()
    x[32:128, 32:128] = cv2.blur(sharp, (9, 9))[32:128, 32:128]
    wanted = detail_spectrum(sharp, region)
    figures = frame_figures(x, x, sharp, region, wanted)
    assert figures.detail_deblurred == 1.0
    assert figures.detail_profile > 1.4
    assert figures.apart_deblurred_db > 3.0
    assert figures.apart_profile_db == 0.0
    assert figures.still_psnr_db == 100.0
    changed = np.clip(sharp.astype(int) + 20, 0, 255).astype(np.uint8)
    harmed = frame_figures(x, x, changed, region, wanted)
    assert harmed.still_psnr_db is not None
    assert harmed.still_psnr_db < 30
    everywhere = frame_figures(x, x, sharp, (0, 0, 320, 256), wanted)
    assert everywhere.still_psnr_db is None


def test_what_moved_is_compared_with_its_place_and_not_with_walls() -> None:
    """A profile that only softened came out as one that helps, as walls are softer than hands."""
    random = np.random.default_rng(0)
    wall = cv2.GaussianBlur(random.integers(0, 256, (256, 320, 3), np.uint8), (0, 0), 8.0)
    hand = cv2.resize(random.integers(0, 256, (48, 48, 3), np.uint8), (96, 96))
    place = np.s_[64:160, 96:192]
    at_rest, x, softer = wall.copy(), wall.copy(), wall.copy()
    at_rest[place] = hand
    x[place] = cv2.blur(hand, (5, 1))
    softer[place] = cv2.GaussianBlur(x[place], (0, 0), 1.0)
    blurry = replace(FRAME, region=(96, 64, 96, 96))
    everything = replace(FRAME, kind=Verdict.SHARP, region=(0, 0, 320, 256))
    sharp = [(everything, at_rest), (replace(everything, clip="b"), wall)]
    wanted = wanted_spectrum(blurry, sharp)
    assert frame_figures(x, x, softer, blurry.region, wanted).nearer_db < -1.0
    assert frame_figures(x, x, at_rest, blurry.region, wanted).apart_profile_db == 0.0
    elsewhere = wanted_spectrum(replace(blurry, clip="c"), sharp)
    of_each = [wanted_spectrum(replace(blurry, clip=clip), sharp) for clip in "ab"]
    np.testing.assert_allclose(elsewhere, np.mean(of_each, axis=0))


@pytest.mark.parametrize("region", [(0, 0, 1, 1), (300, 250, 20, 6), (0, 0, 320, 256)])
def test_every_box_covers_a_tile(region: tuple[int, int, int, int]) -> None:
    assert tiles_of(region, (256, 320)).any()
