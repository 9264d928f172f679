"""Identities over time, without a tracker."""

from dataclasses import replace

import numpy as np
import pytest

from stream.hands.identity import Identities
from stream.hands.landmarks import BONES, LANDMARKS, Hand, Side
from tests.stream.hands.synthetic_hand import bent_hand


def at(x: float, side: Side = "right", score: float = 0.95) -> Hand:
    return replace(bent_hand(10, at=(x, 240)), side=side, side_score=score)


def test_numbers_do_not_follow_the_order_of_the_list() -> None:
    identities = Identities()
    for number in range(20):
        left, right = at(100 + 5 * number, "left"), at(500 - 5 * number, "right")
        hands = (left, right) if number % 2 else (right, left)
        found = {hand.track: hand for hand in identities.assign(hands, number / 30)}
        assert sorted(found) == [0, 1]
        of_left = next(track for track, hand in found.items() if hand.points is left.points)
        assert of_left == 1
        assert found[of_left].side == "left"


def test_a_side_that_flips_for_a_moment_does_not_count() -> None:
    identities = Identities()
    sides: list[Side] = ["right"] * 10 + ["left"] * 2 + ["right"] * 5
    found = [identities.assign([at(300, side)], i / 30)[0].side for i, side in enumerate(sides)]
    assert set(found) == {"right"}


def test_a_declared_side_is_kept() -> None:
    identities = Identities("left")
    (hand,) = identities.assign([at(300, "right", 0.97)], 0.0)
    assert hand.side == "left"
    assert hand.side_score == pytest.approx(0.03), "how sure it is of the left one"
    (hand,) = identities.assign([at(300, "left", 0.97)], 0.1)
    assert hand.side_score == pytest.approx(0.97)


def test_a_hand_that_is_lost_for_a_moment_is_the_same_one() -> None:
    identities = Identities()
    for number in range(10):
        identities.assign([at(100 + 10 * number)], number / 30)
    assert identities.assign([], 10 / 30) == ()
    assert identities.assign([at(230)], 13 / 30)[0].track == 0
    assert identities.assign([at(230)], 3.0)[0].track == 1, "after a second it is forgotten"


def test_a_hand_that_appears_far_away_is_another_one() -> None:
    identities = Identities()
    identities.assign([at(100)], 0.0)
    assert identities.assign([at(600)], 1 / 30)[0].track == 1


def test_the_skeleton_joins_every_landmark() -> None:
    assert len(LANDMARKS) == 21 == len(set(LANDMARKS))
    assert {point for bone in BONES for point in bone} == set(range(21))


def test_hands_of_another_shape_are_refused() -> None:
    hand = at(100)
    with pytest.raises(ValueError, match="not \\(21, 3\\)"):
        Hand(points=hand.points[:20], world=hand.world, side="left", side_score=1.0)
    assert hand.palm_px == pytest.approx(80, abs=1)
    assert np.isfinite(hand.world).all()
