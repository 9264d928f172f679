"""What a webcam does after the exposure, with its real codecs."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.measures import psnr_db
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.webcam import Webcam, sharpened, softened, through_h264
from tests.conftest import discs

RECIPE = PairRecipe(crop_px=96, min_scale=0.9, moving_share=0.5)


def pairs(recipe: PairRecipe) -> list[tuple[np.ndarray, np.ndarray]]:
    crops = BlurredCrops([discs(1, 400)], recipe, 3, 24)
    return [crops.pair(np.random.default_rng((3, number))) for number in range(24)]


def test_without_a_webcam_nothing_is_drawn() -> None:
    random = np.random.default_rng(1)
    blurred, sharp = discs(1, 64), discs(2, 64)
    given = Webcam().processed(blurred, sharp, random)
    assert given[0] is blurred
    assert given[1] is sharp
    assert random.random() == np.random.default_rng(1).random()


def test_a_share_of_the_pairs_is_processed_the_same_for_a_seed() -> None:
    plain = pairs(RECIPE)
    processed = pairs(replace(RECIPE, webcam=Webcam(share=0.5)))
    again = pairs(replace(RECIPE, webcam=Webcam(share=0.5)))
    changed = [not np.array_equal(a[0], b[0]) for a, b in zip(plain, processed, strict=True)]
    assert 4 <= sum(changed) <= 18, "half, less those that draw no process at all"
    for (blurred, sharp), (same_blurred, same_sharp) in zip(processed, again, strict=True):
        np.testing.assert_array_equal(blurred, same_blurred)
        np.testing.assert_array_equal(sharp, same_sharp)


def test_the_truth_is_sharpened_as_the_picture_is_but_not_coded() -> None:
    halos = Webcam(share=1.0, softness=(0.0, 0.0), sharpness=(1.0, 1.0))
    sharp = discs(4, 96)
    truths = [halos.processed(sharp, sharp, np.random.default_rng(seed)) for seed in range(40)]
    assert any(np.array_equal(truth, sharp) for _, truth in truths), "some are not sharpened"
    assert any(not np.array_equal(truth, sharp) for _, truth in truths)
    uncoded = [truth for given, truth in truths if np.array_equal(given, truth)]
    assert 5 <= len(uncoded) <= 25, "the others are coded, and their truth is not"


def test_sharpening_leaves_the_flat_and_overshoots_at_an_edge() -> None:
    picture = np.full((32, 32, 3), 100, np.uint8)
    picture[:, 16:] = 150
    crisp = sharpened(picture)
    assert (crisp[:, :8] == 100).all()
    assert (crisp[:, 24:] == 150).all()
    assert crisp[:, 15].max() < 100
    assert crisp[:, 16].min() > 150


def test_softening_takes_noise_and_keeps_an_edge() -> None:
    clean = np.full((64, 64, 3), 60, np.uint8)
    clean[:, 32:] = 200
    noise = np.random.default_rng(2).normal(0, 4, clean.shape)
    noisy = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    soft = softened(noisy)
    assert psnr_db(soft, clean) > psnr_db(noisy, clean) + 3
    assert soft[:, 31].mean() < 70
    assert soft[:, 32].mean() > 190


def test_h264_costs_more_the_coarser_it_is() -> None:
    grey = discs(5, 96)[:, :, :1]  # colours are coded at half the size anyway
    picture = np.repeat(grey, 3, axis=2)
    fine, coarse = (psnr_db(through_h264(picture, crf), picture) for crf in (18, 34))
    assert 20 < coarse < fine - 3


def test_what_cannot_be_coded_is_refused() -> None:
    with pytest.raises(CalibrationError, match="even sides, not 97"):
        BlurredCrops([discs(1, 400)], replace(RECIPE, crop_px=97, webcam=Webcam(share=0.1)), 0, 1)
    with pytest.raises(ValueError, match="expected 0 to 1"):
        Webcam(share=1.5)
