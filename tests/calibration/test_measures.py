import numpy as np
import pytest
import skimage.data
from skimage.filters import gaussian

from calibration.measures import gmsd, psnr_db, shift_psnr_db, ssim

PICTURE = np.ascontiguousarray(skimage.data.astronaut()[100:228, 150:278])


def soft(sigma: float) -> np.ndarray:
    return np.rint(255 * gaussian(PICTURE, sigma, channel_axis=2)).astype(np.uint8)


def test_equal_pictures() -> None:
    assert psnr_db(PICTURE, PICTURE) == shift_psnr_db(PICTURE, PICTURE) == 100
    assert ssim(PICTURE, PICTURE) == pytest.approx(1)
    assert gmsd(PICTURE, PICTURE) == 0


def test_blur_is_seen_by_all() -> None:
    little, much = soft(0.7), soft(2)
    assert psnr_db(little, PICTURE) > psnr_db(much, PICTURE)
    assert ssim(little, PICTURE) > ssim(much, PICTURE)
    assert gmsd(little, PICTURE) < gmsd(much, PICTURE)


def test_shift_is_forgiven_within_its_reach() -> None:
    moved = np.roll(PICTURE, (2, -3), axis=(0, 1))
    assert psnr_db(moved, PICTURE) < 25
    assert shift_psnr_db(moved, PICTURE) == 100
    assert shift_psnr_db(np.roll(PICTURE, 9, axis=0), PICTURE) < 30


def test_gmsd_of_a_flat_truth_against_noise_is_large() -> None:
    noise = np.random.default_rng(0).integers(0, 256, PICTURE.shape, dtype=np.uint8)
    assert gmsd(noise, np.full_like(PICTURE, 128)) > 0.1
