from dataclasses import replace

import numpy as np
import pytest

from calibration.camera import GAMMA, Camera
from calibration.known_blur import KnownBlur
from tests.conftest import discs


def test_roll_and_parallax_differ_from_place_to_place() -> None:
    dots = np.zeros((240, 240, 3), np.uint8)
    for y in range(30, 240, 36):
        for x in range(30, 240, 36):
            dots[y - 2 : y + 3, x - 2 : x + 3] = 255
    options = [{}, {"max_roll_degrees": 8.0}, {"max_parallax": 1.0}]
    spreads = []
    for arguments in options:
        blur = KnownBlur(
            min_extent_px=10, max_extent_px=10, camera=Camera(max_noise=0), **arguments
        )
        m = blur.margin_px
        picture = blur.apply(np.pad(dots, ((m, m), (m, m), (0, 0))), np.random.default_rng(4))
        tiles = [
            picture[y - 17 : y + 17, x - 17 : x + 17, 1].astype(float)
            for y in range(66, 180, 36)
            for x in range(66, 180, 36)
        ]
        spreads.append(np.std(tiles, axis=0).mean())
    assert spreads[0] < 0.01
    assert min(spreads[1:]) > 0.5


def test_same_seed_same_blur() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    once, again = (KnownBlur().apply(picture, np.random.default_rng(5)) for _ in range(2))
    other = KnownBlur().apply(picture, np.random.default_rng(6))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    assert once.shape == (120 - 2 * KnownBlur().margin_px,) * 2 + (3,)


def test_light_adds_up_before_the_camera_response() -> None:
    blur = KnownBlur(min_extent_px=8, max_extent_px=8, camera=Camera(max_noise=0))
    stripes = np.zeros((100, 100, 3), np.uint8)
    stripes[:, ::2] = 255
    mean = blur.apply(stripes, np.random.default_rng(1)).mean()
    assert mean == pytest.approx(255 * 0.5 ** (1 / GAMMA), abs=12)


def test_flat_pictures_stay_flat_but_for_the_noise() -> None:
    flat = np.full((100, 100, 3), 77, np.uint8)
    noiseless = KnownBlur(camera=Camera(max_noise=0)).apply(flat, np.random.default_rng(2))
    assert set(np.unique(noiseless)) <= {76, 77, 78}


@pytest.mark.parametrize(
    "settings_",
    [{"min_extent_px": -1}, {"min_extent_px": 9, "max_extent_px": 5}, {"max_parallax": -1}],
)
def test_impossible_blur_is_refused(settings_: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        KnownBlur(**settings_)


def test_near_and_far_turn_with_one_camera() -> None:
    """Parallax of next to nothing changes nothing, as both layers roll alike."""
    one = KnownBlur(max_roll_degrees=5.0, camera=Camera(max_noise=0.0))
    both = replace(one, max_parallax=1e-6)
    more = both.margin_px - one.margin_px
    sharp = discs(0, 200)
    inner = sharp[more:-more, more:-more] if more else sharp
    seen = [
        blur.apply(np.ascontiguousarray(picture), np.random.default_rng(3)).astype(int)
        for blur, picture in ((one, inner), (both, sharp))
    ]
    assert np.abs(seen[0] - seen[1]).mean() < 0.5
