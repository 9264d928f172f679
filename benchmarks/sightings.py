"""What was seen of hands over the frames of a clip: for how long not, and how steadily."""

import itertools
from collections.abc import Sequence

import numpy as np

from stream.hands.landmarks import Hand, Side, nearest_hand

Hands = tuple[Hand, ...]
"""Those of one frame."""

_HALF_A_SECOND = 15
_STILL_PALMS = 0.1


def lost_between(frames: Sequence[Hands]) -> list[int]:
    """Frames without a hand that have one at most half a second (15 frames) before and after.

    There a hand was most likely still to be seen; before the first and after the last it may have
    left the picture.
    """
    lost = []
    for i, here in enumerate(frames):
        before = frames[max(0, i - _HALF_A_SECOND) : i]
        after = frames[i + 1 : i + 1 + _HALF_A_SECOND]
        if not here and any(before) and any(after):
            lost.append(i)
    return lost


def longest_gap(frames: Sequence[Hands]) -> int:
    """The most frames in a row without a hand, between two that have one."""
    seen = [i for i, here in enumerate(frames) if here]
    return max((later - earlier - 1 for earlier, later in itertools.pairwise(seen)), default=0)


def side_flips(frames: Sequence[Hands]) -> int:
    """How often a hand is of another side than when it was last seen."""
    flips = 0
    sides: dict[int, Side] = {}
    for hands in frames:
        for hand in hands:
            flips += sides.get(hand.track, hand.side) != hand.side
            sides[hand.track] = hand.side
    return flips


def at_rest(frames: Sequence[Hands]) -> dict[int, Hand]:
    """Frames with a hand that is within a tenth of a palm of where it was before, and will be."""
    still = {}
    for i in range(1, len(frames) - 1):
        for hand in frames[i]:
            steps = [_step(hand, frames[j]) for j in (i - 1, i + 1)]
            if max(steps) < _STILL_PALMS * hand.palm_px:
                still[i] = hand
    return still


def jitter_px(frames: Sequence[Hands], resting: dict[int, Hand]) -> float | None:
    """How far landmarks of a hand at rest are from the mean of the frames around, RMS, in pixels.

    Args:
        frames: of which the jitter is asked.
        resting: of :func:`at_rest`, of one way of looking, so that ways are compared on the same
            frames; where this one does not see that hand three times in a row, it is left out.

    Returns:
        None where no frame is left.
    """
    squares = []
    for i, hand in resting.items():
        here, before, after = (_same(hand, frames[j]) for j in (i, i - 1, i + 1))
        if here is not None and before is not None and after is not None:
            off = here.points - (before.points + after.points) / 2
            squares.append(float((off[:, :2] ** 2).sum(axis=1).mean()))
    return float(np.sqrt(np.mean(squares))) if squares else None


def _step(hand: Hand, hands: Hands) -> float:
    near = _same(hand, hands)
    return float("inf") if near is None else hand.distance_px(near)


def _same(hand: Hand, hands: Hands) -> Hand | None:
    return nearest_hand(hand, hands, palms=1.0)
