"""Keeping hold of a hand while a picture is too blurred to be sure of it.

Two thresholds, as an edge detector has them: a hand is found at the usual one, and for a moment
after that it may be followed at a low one. One low threshold for all would find hands where there
are none: in 9 of 138 photographs instead of 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.hands.landmarks import Hand
from stream.hands.tracker import HandTracker, TrackerMode

_CONFIDENCE = 0.1
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

    Args:
        model, max_hands, mode, confidence: see :class:`HandTracker`.
        hold_s: for so long after it was found a hand may be held, by a second tracker, which works
            only while one is lost; with 0 none is held. Takes ``video``.

    Raises:
        StreamError: the tracker does not load.
    """

    def __init__(
        self,
        model: Path,
        *,
        max_hands: int = 2,
        mode: TrackerMode = "video",
        confidence: float = 0.5,
        hold_s: float = 0.0,
    ) -> None:
        self._sure = HandTracker(model, max_hands=max_hands, mode=mode, confidence=confidence)
        self._unsure = (
            HandTracker(model, max_hands=max_hands, confidence=confidence, presence=_CONFIDENCE)
            if hold_s
            else None
        )
        self._hold_s = hold_s
        self._followed: list[_Followed] = []
        self._last: tuple[NDArray[np.uint8], float] | None = None
        self._holding = False

    def track(self, pixels: NDArray[np.uint8], time_s: float) -> tuple[Hand, ...]:
        """The hands in one picture, see :meth:`HandTracker.track`; those that are held say so."""
        hands = self._sure.track(pixels, time_s)
        if self._unsure is None:
            return hands
        followed = [f for f in self._followed if 0 <= time_s - f.sure_s <= self._hold_s]
        lost = [f for f in followed if _nearest(f.hand, hands, _STEP_PALMS) is None]
        held: list[Hand | None] = []
        if lost:
            held = self._hold([f.hand for f in lost], hands, self._look_unsurely(pixels, time_s))
        else:
            self._holding = False
            self._last = pixels.copy(), time_s
        self._followed = [_Followed(hand, time_s) for hand in hands]
        self._followed += [
            replace(was, hand=now or was.hand) for was, now in zip(lost, held, strict=True)
        ]
        return (*hands, *(replace(hand, held=True) for hand in held if hand is not None))

    def _look_unsurely(self, pixels: NDArray[np.uint8], time_s: float) -> tuple[Hand, ...]:
        """Go on from the last picture in which no hand was lost."""
        assert self._unsure is not None
        if not self._holding and self._last is not None:
            self._unsure.track(_NOTHING, self._last[1])  # it forgets what it held before
            self._unsure.track(*self._last)
            self._holding = True
        return self._unsure.track(pixels, time_s)

    @staticmethod
    def _hold(
        lost: list[Hand], sure: tuple[Hand, ...], unsure: tuple[Hand, ...]
    ) -> list[Hand | None]:
        """For each lost hand the one that it is now; None where it is not seen."""
        free = [hand for hand in unsure if _nearest(hand, sure, _SAME_PALMS) is None]
        held = []
        for hand in lost:
            now = _nearest(hand, free, _STEP_PALMS)
            if now is not None:
                free.remove(now)
            held.append(now)
        return held

    def close(self) -> None:
        for tracker in (self._sure, self._unsure):
            if tracker is not None:
                tracker.close()


def _nearest(hand: Hand, others: Sequence[Hand], palms: float) -> Hand | None:
    """The nearest of the others that is within so many palms, and of about the same size."""
    alike = [
        other
        for other in others
        if 1 / _MAX_GROWTH < other.palm_px / max(1.0, hand.palm_px) < _MAX_GROWTH
        and _distance(hand, other) < palms * hand.palm_px
    ]
    return min(alike, key=lambda other: _distance(hand, other), default=None)


def _distance(hand: Hand, other: Hand) -> float:
    return float(np.linalg.norm(hand.centre_px - other.centre_px))
