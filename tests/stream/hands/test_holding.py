"""The real tracker loses a hand in real blur; it is held."""

from pathlib import Path

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
