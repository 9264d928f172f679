"""What `bench hands` counts in a clip."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

from benchmarks.sightings import (
    Hands,
    at_rest,
    jitter_px,
    longest_gap,
    lost_between,
    side_flips,
)
from stream.hands.landmarks import Hand
from tests.stream.hands.synthetic_hand import bent_hand

HAND = bent_hand(10, at=(160, 180))
SEEN: Hands = (HAND,)
NONE: Hands = ()


def moved(pixels: float) -> Hand:
    return replace(HAND, points=HAND.points + np.float32([pixels, 0, 0]))


def test_frames_between_two_sightings_count_as_lost() -> None:
    frames = [NONE, SEEN, NONE, NONE, SEEN, *[NONE] * 40, SEEN, NONE]
    assert lost_between(frames) == [2, 3]
    assert lost_between([]) == []
    assert lost_between([NONE, NONE]) == []


def test_a_gap_lies_between_two_sightings() -> None:
    assert longest_gap([NONE, NONE, NONE, SEEN, NONE, NONE, SEEN, NONE, SEEN, NONE]) == 2
    assert longest_gap([SEEN, SEEN]) == 0
    assert longest_gap([NONE]) == 0


def test_a_side_flips_when_a_hand_comes_back_as_the_other() -> None:
    left, right = replace(HAND, side="left"), replace(HAND, side="right")
    assert side_flips([(left,), (left,), NONE, (right,), (right,), (left,)]) == 2
    another = replace(right, track=1)
    assert side_flips([(left, another), (left, another)]) == 0


def test_jitter_is_that_of_a_hand_at_rest() -> None:
    shaking = [(moved(2.0 * (number % 2)),) for number in range(9)]
    resting = at_rest(shaking)
    assert list(resting) == list(range(1, 8))
    assert jitter_px(shaking, resting) == pytest.approx(2.0)
    assert jitter_px([SEEN] * 9, resting) == pytest.approx(0.0)
    assert jitter_px([NONE] * 9, resting) is None
    palm = HAND.palm_px
    assert not at_rest([(moved(palm * number),) for number in range(9)])
