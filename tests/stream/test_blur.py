import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.blur import Gate, blur_measure, change_measure


def textured(height: int = 480, width: int = 640) -> NDArray[np.uint8]:
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def smeared(picture: NDArray[np.uint8], length: int, axis: int = 1) -> NDArray[np.uint8]:
    size = (length, 1) if axis == 1 else (1, length)
    return np.asarray(cv2.blur(picture, size), np.uint8)


def test_sharp_is_low_and_blur_is_high() -> None:
    assert blur_measure(textured()) < 0.05
    assert blur_measure(smeared(textured(), 9)) > 0.9


@pytest.mark.parametrize("axis", [0, 1])
def test_motion_in_one_direction_is_seen(axis: int) -> None:
    assert blur_measure(smeared(textured(), 15, axis)) > 0.8


def test_a_blurred_object_before_a_sharp_background_is_seen() -> None:
    picture = textured()
    picture[100:300, 200:420] = smeared(picture, 15)[100:300, 200:420]
    assert blur_measure(picture) > 0.08
    assert blur_measure(picture) < 0.4


def test_exposure_alone_does_not_look_like_blur() -> None:
    assert blur_measure(textured() // 2 + 60) < 0.05


def test_noise_does_not_hide_blur() -> None:
    noise = np.random.default_rng(0).normal(0, 2, (480, 640, 3))
    noisy = np.clip(smeared(textured(), 15) + noise, 0, 255).astype(np.uint8)
    assert blur_measure(noisy) > 0.8


def test_nothing_to_see_is_not_blurred_and_tiny_pictures_are_not_judged() -> None:
    assert blur_measure(np.full((480, 640, 3), 90, np.uint8)) == 0.0
    assert blur_measure(textured(16, 16)) == 1.0


def test_low_contrast_is_left_to_the_engine() -> None:
    picture = np.full((480, 640, 3), 90, np.uint8)
    picture[:, 200:300] = 180  # a sharp edge, but the only one
    assert blur_measure(picture) == 1.0


def test_change_of_a_hand_counts_and_change_of_noise_does_not() -> None:
    picture = textured()
    assert change_measure(picture, picture) == 0.0
    hand = picture.copy()
    hand[100:260, 200:360] ^= 16
    noise = picture ^ np.random.default_rng(1).integers(0, 2, picture.shape, dtype=np.uint8)
    assert change_measure(picture, hand) > 10 * change_measure(picture, noise)
    assert change_measure(picture[:20, :20], hand[:20, :20]) == 0.0


def test_the_same_change_counts_more_where_there_is_little_detail() -> None:
    smooth = smeared(textured(), 25)
    change = np.random.default_rng(1).integers(0, 16, smooth.shape, dtype=np.uint8)
    assert change_measure(smooth, smooth ^ change) > 2 * change_measure(
        textured(), textured() ^ change
    )


def decisions(measures: list[float]) -> list[bool]:
    gate = Gate(on_above=0.20, off_below=0.15)
    made = []
    for measure in measures:
        gate = gate.after(measure)
        made.append(gate.engaged)
    return made


def test_engine_rests_only_after_a_run_of_sharp_frames() -> None:
    assert decisions([0.0] * 7) == [True] * 4 + [False] * 3


def test_engine_wakes_at_once() -> None:
    assert decisions([0.0] * 6 + [0.5])[-2:] == [False, True]


def test_between_the_thresholds_nothing_changes() -> None:
    assert decisions([0.0] * 6 + [0.17] * 50)[-1] is False
    assert decisions([0.17] * 50)[-1] is True


def test_flicker_around_one_threshold_does_not_flicker_the_picture() -> None:
    assert set(decisions([0.14, 0.16] * 50)) == {True}
