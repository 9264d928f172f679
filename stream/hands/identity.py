"""The same hand keeps its number and its side, whatever order the tracker lists hands in.

The tracker's side flips under motion blur: on 2 % of the frames at a blur of 0.2 palm lengths, on
14 % at 0.5 (`side_score` does not show it). So a track's side is the one that it had most of the
time, and a hand is followed by where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stream.hands.landmarks import SIDES, Hand, Side

_MAX_STEP_PALMS = 3.0
_FORGET_AFTER_S = 1.0


@dataclass
class _Track:
    number: int
    centre: NDArray[np.float32]
    velocity: NDArray[np.float32]
    palm_px: float
    seen_s: float
    votes: dict[Side, float] = field(default_factory=lambda: dict.fromkeys(SIDES, 0.0))

    @property
    def side(self) -> Side:
        return max(SIDES, key=lambda side: self.votes[side])

    def expected(self, time_s: float) -> NDArray[np.float32]:
        ahead = min(time_s - self.seen_s, 0.2)  # a guess, not an orbit
        return self.centre + self.velocity * np.float32(ahead)


class Identities:
    """Numbers the hands of one source over time.

    Args:
        side: of the only hand that is filmed, where it is known; every hand then has this side.
    """

    def __init__(self, side: Side | None = None) -> None:
        self._side = side
        self._tracks: list[_Track] = []
        self._made = 0

    def assign(self, hands: Sequence[Hand], time_s: float) -> tuple[Hand, ...]:
        """The same hands in the order of their numbers, with ``track`` and ``side`` set.

        ``side_score`` becomes how sure the tracker is of that side: below 0.5 it says the other.
        """
        self._tracks = [t for t in self._tracks if time_s - t.seen_s <= _FORGET_AFTER_S]
        assigned = []
        for hand, track in zip(hands, self._best_match(hands, time_s), strict=True):
            track = self._follow(hand, track, time_s)
            track.votes[hand.side] = 0.95 * track.votes[hand.side] + hand.side_score
            side = self._side or track.side
            score = hand.side_score if hand.side == side else 1 - hand.side_score
            assigned.append(replace(hand, track=track.number, side=side, side_score=score))
        return tuple(sorted(assigned, key=lambda hand: hand.track))

    def _best_match(self, hands: Sequence[Hand], time_s: float) -> list[_Track | None]:
        """Of all ways to give tracks to hands, the one with the shortest steps; None is new."""
        from scipy.optimize import linear_sum_assignment  # with the extra `hands` only

        free: list[_Track | None] = [*self._tracks, *([None] * len(hands))]
        if not hands:
            return []
        costs = [[_step(hand, track, time_s) for track in free] for hand in hands]
        return [free[i] for i in linear_sum_assignment(costs)[1]]

    def _follow(self, hand: Hand, track: _Track | None, time_s: float) -> _Track:
        centre = hand.centre_px
        if track is None:
            track = _Track(self._made, centre, np.zeros(2, np.float32), hand.palm_px, time_s)
            self._made += 1
            self._tracks.append(track)
            return track
        if time_s > track.seen_s:
            track.velocity = (centre - track.centre) / np.float32(time_s - track.seen_s)
        track.centre, track.palm_px, track.seen_s = centre, hand.palm_px, time_s
        return track


def _step(hand: Hand, track: _Track | None, time_s: float) -> float:
    """How far the hand would have jumped, in palm lengths; a new track costs the longest step."""
    if track is None:
        return _MAX_STEP_PALMS
    jump = float(np.linalg.norm(hand.centre_px - track.expected(time_s)))
    palms = jump / max(1.0, track.palm_px)
    return palms if palms <= _MAX_STEP_PALMS else 2 * _MAX_STEP_PALMS
