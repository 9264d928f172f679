"""Detail by direction and fineness, on pictures whose detail is known."""

import cv2
import numpy as np
import pytest

from calibration.detail_spectrum import WINDOW_PX, apart_db, detail_spectrum
from tests.conftest import discs

EVERYWHERE = (0, 0, 128, 128)
SHARP = discs(3, 128)


def test_a_wave_shows_at_its_frequency() -> None:
    wave = 128 + 60 * np.sin(2 * np.pi * np.arange(128) / 8)
    across = np.broadcast_to(wave[None, :, None], (128, 128, 3)).astype(np.uint8)
    spectrum = detail_spectrum(across, EVERYWHERE)
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    middle = WINDOW_PX // 2
    assert row == middle
    assert abs(column - middle) == WINDOW_PX / 8


def test_blur_and_combs_both_lead_away_from_sharp() -> None:
    wanted = detail_spectrum(SHARP, EVERYWHERE)
    combed = SHARP.copy()
    combed[1::2] = np.roll(SHARP, 9, axis=1)[1::2]
    blurred = cv2.blur(SHARP, (9, 1))
    halfway = cv2.addWeighted(SHARP, 0.5, blurred, 0.5, 0)
    near, far, combs = (
        apart_db(detail_spectrum(p, EVERYWHERE), wanted) for p in (halfway, blurred, combed)
    )
    assert apart_db(wanted, wanted) == 0
    assert 0.5 < near < far - 1
    assert combs > 2


def test_noise_that_cameras_have_hardly_counts() -> None:
    noise = np.random.default_rng(1).normal(0, 1, SHARP.shape)
    noisy = np.clip(np.rint(SHARP + noise), 0, 255).astype(np.uint8)
    apart = apart_db(detail_spectrum(noisy, EVERYWHERE), detail_spectrum(SHARP, EVERYWHERE))
    assert apart < 0.3


@pytest.mark.parametrize("region", [(0, 0, 1, 1), (120, 120, 8, 8), (100, 0, 28, 128), EVERYWHERE])
def test_any_region_of_a_frame_can_be_looked_at(region: tuple[int, int, int, int]) -> None:
    assert detail_spectrum(SHARP, region).shape == (WINDOW_PX, WINDOW_PX)


def test_only_the_region_is_looked_at() -> None:
    other = SHARP.copy()
    other[:, 64:] = 0
    left = (0, 0, 64, 128)
    np.testing.assert_array_equal(detail_spectrum(other, left), detail_spectrum(SHARP, left))
