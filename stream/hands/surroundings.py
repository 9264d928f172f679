"""Where hands will be in the next frame, so that the engine can work there only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.hands.landmarks import Hand, TrackedFrame
from stream.region import Region

SIDES_PX = (256, 384)
"""Regions are squares of these sides: an engine is built for each."""

_MARGIN_PALMS = 0.75
_OLDEST_S = 0.25
"""In clips of people who sign 87 % of the landmarks lie within a region from hands 0.2 s ago, 77 %
from 0.5 s ago."""
_AT_MOST = 0.6
_MISSED_S = 1.0
"""A hand that was seen within so long is looked for in the whole frame."""
_LOOK_EVERY = 23
"""Of frames while fewer hands are seen than there may be, one is deblurred as a whole: 4 % of what
regions save. A prime, so that a tracker that takes every second or third frame meets it, too."""


@dataclass(frozen=True, eq=False)
class _Box:
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Surroundings:
    """Follows the hands of one source and says where they will be.

    What is found in one frame is known only when the next ones are on their way, so each hand's box
    is moved on at its last speed, and widened by what that may be wrong.

    Args:
        max_hands: at most so many are looked for. While fewer are seen, the whole frame is asked
            for as long as one is missing that was seen a second ago, and once in 23 frames after.
    """

    def __init__(self, max_hands: int = 1) -> None:
        self._max_hands = max_hands
        self._last: TrackedFrame | None = None
        self._before: TrackedFrame | None = None
        self._seen_s: dict[int, float] = {}
        self._missing = False
        self._asked = 0

    def found(self, tracked: TrackedFrame) -> None:
        """Take the tracker's newest result."""
        self._before, self._last = self._last, tracked
        self._seen_s = {
            track: seen_s
            for track, seen_s in self._seen_s.items()
            if 0 <= tracked.pts_s - seen_s <= _MISSED_S
        }
        self._seen_s.update((hand.track, tracked.pts_s) for hand in tracked.hands)
        wanted = min(len(self._seen_s), self._max_hands)
        self._missing = len(tracked.hands) < wanted

    def at(self, pts_s: float, height: int, width: int) -> Region | None:
        """The region that the hands are in at this time; to be asked once for each frame.

        Returns:
            The smallest square of :data:`SIDES_PX` that holds all hands; None where none is seen,
            one of several was lost within the last second, they were last seen more than a quarter
            of a second ago, or fill most of the frame, and now and then while there may be more.
        """
        last = self._last
        if last is None or not last.hands or not 0 <= pts_s - last.pts_s <= _OLDEST_S:
            return None
        self._asked += 1
        if self._missing or (len(last.hands) < self._max_hands and not self._asked % _LOOK_EVERY):
            return None
        boxes = [self._expected(hand, last, pts_s) for hand in last.hands]
        low = np.clip(np.min([box.low for box in boxes], axis=0), 0, (width, height))
        high = np.clip(np.max([box.high for box in boxes], axis=0), 0, (width, height))
        side = next((side for side in SIDES_PX if (high - low).max() <= side), None)
        if side is None or side > min(height, width) or side * side > _AT_MOST * height * width:
            return None
        corner = np.clip((low + high - side) / 2, 0, (width - side, height - side))
        left, top = (int(value) for value in corner.round())
        return Region(top=top, left=left, height=side, width=side)

    def _expected(self, hand: Hand, last: TrackedFrame, pts_s: float) -> _Box:
        points = hand.points[:, :2].astype(float)
        moved = self._speed(hand, last) * (pts_s - last.pts_s)
        margin = _MARGIN_PALMS * hand.palm_px + 0.5 * np.abs(moved)
        return _Box(points.min(0) + moved - margin, points.max(0) + moved + margin)

    def _speed(self, hand: Hand, last: TrackedFrame) -> NDArray[np.float64]:
        """Pixels a second, from where the same hand was before; 0 where it was not seen."""
        before = self._before
        earlier = next((h for h in before.hands if h.track == hand.track), None) if before else None
        if before is None or earlier is None or last.pts_s <= before.pts_s:
            return np.zeros(2)
        step = (hand.points - earlier.points)[:, :2].mean(0)
        return np.asarray(step / (last.pts_s - before.pts_s), np.float64)
