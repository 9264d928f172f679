"""Keeping hold of a hand while a picture is too blurred to be sure of it.

Two thresholds, as an edge detector has them: a hand is found at the usual one, and for a moment
after that it may be followed at a low one. One low threshold for all would find hands where there
are none: in 9 of 138 photographs instead of 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.hands.landmarks import Hand, nearest_hand
from stream.hands.tracker import HandTracker

HELD_PRESENCE = 0.1
"""The low threshold: `presence` of the tracker that holds."""
_STEP_PALMS = 3.0
"""A hand moves no further from one picture to the next."""
_SAME_PALMS = 0.75
_MAX_GROWTH = 2.0
_NOTHING = np.zeros((64, 64, 3), np.uint8)


@dataclass(frozen=True)
class _Followed:
    hand: Hand
    sure_s: float


class HoldingTracker:
    """Finds hands as :class:`HandTracker` does, and holds those that it loses. Owned by one thread.

    Together they are never more than ``sure`` may find; those that are surely found come first.

    Args:
        sure: what finds them; it looks at every picture.
        unsure: a tracker of videos with a low ``presence``; it works only while a hand is lost.
        hold_s: for so long after it was surely found a hand may be held.
    """

    def __init__(self, sure: HandTracker, unsure: HandTracker, hold_s: float) -> None:
        self._sure = sure
        self._unsure = unsure
        self._hold_s = hold_s
        self._followed: list[_Followed] = []
        self._go_on_from: tuple[NDArray[np.uint8], float] | None = None

    def track(self, pixels: NDArray[np.uint8], time_s: float) -> tuple[Hand, ...]:
        """The hands in one picture, see :meth:`HandTracker.track`; those that are held say so."""
        hands = self._sure.track(pixels, time_s)
        followed = [f for f in self._followed if 0 <= time_s - f.sure_s <= self._hold_s]
        room = self._sure.max_hands - len(hands)
        lost = _without_found(followed, hands) if room else []
        lost.sort(key=lambda f: f.sure_s, reverse=True)
        held: list[Hand | None] = []
        if lost:
            unsure = self._look_unsurely(pixels, time_s)
            held = _now([f.hand for f in lost], hands, unsure)
        elif hands:
            self._go_on_from = pixels.copy(), time_s
        self._followed = [_Followed(hand, time_s) for hand in hands]
        self._followed += [
            replace(was, hand=now or was.hand) for was, now in zip(lost, held, strict=True)
        ]
        seen = [replace(hand, held=True) for hand in held if hand is not None]
        return (*hands, *seen[:room])

    def _look_unsurely(self, pixels: NDArray[np.uint8], time_s: float) -> tuple[Hand, ...]:
        """Go on from the last picture in which no hand was lost."""
        if self._go_on_from is not None:
            picture, then_s = self._go_on_from
            self._go_on_from = None
            self._unsure.track(_NOTHING, then_s)  # it forgets what it held before
            self._unsure.track(picture, then_s)
        return self._unsure.track(pixels, time_s)

    def close(self) -> None:
        self._sure.close()
        self._unsure.close()


def _without_found(followed: list[_Followed], sure: Sequence[Hand]) -> list[_Followed]:
    """Those that no sure hand stands for: each for the nearest one, also where hands are close."""
    lost = list(followed)
    for hand in sure:
        was = _same(hand, [f.hand for f in lost], _STEP_PALMS)
        lost = [f for f in lost if f.hand is not was]
    return lost


def _now(lost: list[Hand], sure: tuple[Hand, ...], unsure: tuple[Hand, ...]) -> list[Hand | None]:
    """For each lost hand the one that it is now; None where it is not seen."""
    free = [hand for hand in unsure if _same(hand, sure, _SAME_PALMS) is None]
    held = []
    for hand in lost:
        now = _same(hand, free, _STEP_PALMS)
        if now is not None:
            free.remove(now)
        held.append(now)
    return held


def _same(hand: Hand, others: Sequence[Hand], palms: float) -> Hand | None:
    """The nearest of the others that is within so many palms, and of about the same size."""
    alike = [
        other
        for other in others
        if 1 / _MAX_GROWTH < other.palm_px / max(1.0, hand.palm_px) < _MAX_GROWTH
    ]
    return nearest_hand(hand, alike, palms)
