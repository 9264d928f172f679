"""The real tracker loses a hand in real blur; it is held."""

from pathlib import Path

import cv2
import numpy as np

from stream.hands.holding import HELD_PRESENCE, HoldingTracker
from stream.hands.tracker import HandTracker
from tests.conftest import read_clip


def made(model: Path) -> HoldingTracker:
    return HoldingTracker(HandTracker(model), HandTracker(model, presence=HELD_PRESENCE), 0.5)


def test_holds_a_hand_through_blur(hand_model: Path, media: Path) -> None:
    pictures = read_clip(media / "hands" / "again.mkv")[55:]
    usual, holding = HandTracker(hand_model), made(hand_model)
    nothing = np.zeros_like(pictures[0][1])
    try:
        found, seen = [], []
        for time_s, picture in pictures:
            found.append(usual.track(picture, time_s))
            seen.append(holding.track(picture, time_s))
        for expected, hands in zip(found, seen, strict=True):
            sure = [hand for hand in hands if not hand.held]
            assert len(sure) == len(expected)
            for hand, same in zip(sure, expected, strict=True):
                np.testing.assert_array_equal(hand.points, same.points)
        only_held = [hands for hands in seen if hands and all(hand.held for hand in hands)]
        assert 2 <= len(only_held) <= 15
        assert not any(holding.track(nothing, time_s + i / 30) for i in range(1, 4))
    finally:
        usual.close()
        holding.close()


def test_holds_nothing_that_it_has_not_found(hand_model: Path, media: Path) -> None:
    """Pictures in which a tracker with low thresholds sees hands from the start."""
    holding = made(hand_model)
    found = HandTracker(hand_model)
    try:
        for time_s, picture in read_clip(media / "hands" / "book.mkv")[6:17]:
            assert bool(holding.track(picture, time_s)) == bool(found.track(picture, time_s))
    finally:
        holding.close()
        found.close()


def test_a_hand_beside_one_that_is_found_is_held(hand_model: Path, hand_clip: Path) -> None:
    """Less than three palm lengths apart, where the found one could pass for both."""
    hand = read_clip(hand_clip)[50][1][:, 132:372]
    both = np.hstack([hand, hand])
    one = np.hstack([cv2.blur(hand, (45, 45)), hand])
    holding = HoldingTracker(
        HandTracker(hand_model, max_hands=2),
        HandTracker(hand_model, max_hands=2, presence=HELD_PRESENCE),
        0.5,
    )
    try:
        seen = [holding.track(picture, i / 30) for i, picture in enumerate([both] * 4 + [one] * 6)]
    finally:
        holding.close()
    left, right = sorted(seen[3], key=lambda found: found.centre_px[0])
    assert left.distance_px(right) < 3 * left.palm_px
    held = [[found for found in hands if found.held] for hands in seen]
    assert any(held)
    for hands in seen[4:]:
        assert sum(not found.held for found in hands) == 1, "the other one is not seen surely"
    for (found,) in filter(None, held):
        assert found.distance_px(left) < left.palm_px


def test_holds_no_more_hands_than_there_may_be(hand_model: Path, hand_clip: Path) -> None:
    """The only hand that may be is lost in blur, and another one is surely found."""
    hand = read_clip(hand_clip)[50][1][:, 72:432]
    nothing = np.zeros((360, 280, 3), np.uint8)
    one = np.hstack([hand, nothing, np.zeros_like(hand)])
    two = np.hstack([cv2.blur(hand, (45, 45)), nothing, hand])
    holding = HoldingTracker(
        HandTracker(hand_model, max_hands=1),
        HandTracker(hand_model, max_hands=1, presence=HELD_PRESENCE),
        0.5,
    )
    try:
        seen = [holding.track(picture, i / 30) for i, picture in enumerate([one] * 4 + [two] * 4)]
    finally:
        holding.close()
    assert all(len(hands) <= 1 for hands in seen)
    assert any(hands and hands[0].held for hands in seen)
    (last,) = seen[-1]
    assert not last.held
    assert last.centre_px[0] > 640
