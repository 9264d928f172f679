"""How good the data of one picture are, and what that forbids to conclude."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.hands.measures.bursts import (
    advice_on_bursts,
    problem_of_bursts,
    share_of_short_steps,
)
from stream.hands.measures.measure import Measure
from stream.hands.session_table import Trajectory, median_rate

_MOST_MISSING = 0.2
_JUMP_PALMS = 1.0
_BONE_CHANGE = 0.25
_OTHER_SIDE = 0.5
_MOST_AS_OTHER = 0.5
_NEAR = 0.4


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Of one picture's rows.

    Attributes:
        recorded_s: from the first frame to the last, pauses and outages left out.
        fps: frames a second that were tracked, pauses and outages left out.
        detected: share of them in which the hand was found, 0...1.
        longest_gap_s: from a frame with a hand to the next, or to the begin or end of the table;
            pauses and outages left out.
        jumps: steps of more than a palm length from one sighting to the next.
        odd_bones: share of sightings whose palm differs by more than a quarter from the median.
        as_other_hand: share of sightings that the tracker took for the other hand.
        short_steps: share of the steps from frame to frame that are less than half as long as those
            around them.
    """

    recorded_s: float
    fps: float
    detected: float
    longest_gap_s: float
    jumps: int
    odd_bones: float
    as_other_hand: float
    short_steps: float

    @property
    def problem(self) -> str:
        """Why nothing that is measured here is to be relied on; empty where that is not so."""
        bursts = problem_of_bursts(self.short_steps)
        return "; ".join(problem for problem in (self._problem_of_hand, bursts) if problem)

    @property
    def _problem_of_hand(self) -> str:
        if self.detected < 1 - _MOST_MISSING:
            return f"the hand is missing in {1 - self.detected:.0%} of the frames"
        if self.odd_bones > _MOST_MISSING:
            return f"the hand's size is not plausible in {self.odd_bones:.0%} of the frames"
        return ""

    @property
    def notice(self) -> str:
        """What to look into before anything is believed; empty where there is nothing."""
        notices = (advice_on_bursts(self.short_steps), self._notice_of_side)
        return ". ".join(notice for notice in notices if notice)

    @property
    def _notice_of_side(self) -> str:
        if self.as_other_hand > _MOST_AS_OTHER:
            return (
                f"the tracker took the hand for the other one in {self.as_other_hand:.0%} of the "
                "frames with it: was that hand filmed, and is the picture not mirrored?"
            )
        return ""

    def measures(self) -> list[Measure]:
        return [
            Measure(
                name="tracked frames a second",
                value=self.fps,
                unit="",
                definition="frames in the table, over its time without pauses and outages",
            ),
            Measure(
                name="frames with the hand",
                value=100 * self.detected,
                unit="%",
                definition="frames in which the tracker found it",
            ),
            Measure(
                name="longest time without",
                value=self.longest_gap_s,
                unit="s",
                definition="from a frame with the hand to the next, or to the begin or end of the "
                "recording, pauses and outages left out",
            ),
            Measure(
                name="jumps",
                value=float(self.jumps),
                unit="",
                definition="steps of the whole hand of more than a palm length between sightings",
            ),
            Measure(
                name="implausible sizes",
                value=100 * self.odd_bones,
                unit="%",
                definition="sightings whose palm differs by more than 25 % from the median before",
            ),
            Measure(
                name="taken for the other hand",
                value=100 * self.as_other_hand,
                unit="%",
                definition="sightings that the tracker took for the hand that is not filmed",
            ),
        ]


def effective_rate(time_s: NDArray[np.float64]) -> float:
    """Frames a second of the whole, dropped ones not counted."""
    span = float(time_s[-1] - time_s[0]) if len(time_s) > 1 else 0.0
    return (len(time_s) - 1) / span if span > 0 else 0.0


def usual_rate(trajectory: Trajectory, pauses_s: Sequence[Sequence[float]]) -> float:
    """Frames a second that follow each other; those of the whole where they came in bursts.

    From the mean of the steps near the median one: in Matroska and WebM times are whole
    milliseconds, of which the median makes 250 frames a second out of 240.
    """
    if problem_of_bursts(share_of_short_steps(trajectory)):
        return effective_rate(without_pauses(trajectory.time_s, pauses_s))
    rate = median_rate(trajectory.time_s)
    step_s = np.diff(trajectory.time_s)
    near_s = step_s[np.abs(rate * step_s - 1) <= _NEAR]
    return float(1 / near_s.mean()) if len(near_s) else rate


def without_pauses(
    time_s: NDArray[np.float64], pauses_s: Sequence[Sequence[float]]
) -> NDArray[np.float64]:
    """(N,) the same times on a clock that stood still from the begin to the end of each pause."""
    paused_s = [np.clip(time_s - begin_s, 0.0, end_s - begin_s) for begin_s, end_s in pauses_s]
    return np.asarray(time_s - np.sum(paused_s, axis=0), np.float64)


def quality(trajectory: Trajectory, pauses_s: Sequence[Sequence[float]] = ()) -> Quality:
    """Look at one picture's rows.

    Args:
        pauses_s: from when to when nothing was recorded, in the table's time; outages, too.
    """
    time_s = without_pauses(trajectory.time_s, pauses_s)
    seen = time_s[trajectory.detected]
    known = np.concatenate([time_s[:1], seen, time_s[-1:]])
    sides = trajectory.side_score[trajectory.detected]
    return Quality(
        recorded_s=float(np.ptp(time_s)) if len(time_s) else 0.0,
        fps=effective_rate(time_s),
        detected=float(trajectory.detected.mean()) if len(trajectory) else 0.0,
        longest_gap_s=float(np.diff(known).max()) if len(known) else 0.0,
        jumps=int((trajectory.jump_palms > _JUMP_PALMS).sum()),
        odd_bones=float((np.abs(trajectory.bone_change[trajectory.detected]) > _BONE_CHANGE).mean())
        if len(seen)
        else 0.0,
        as_other_hand=float((sides < _OTHER_SIDE).mean()) if len(seen) else 0.0,
        short_steps=share_of_short_steps(trajectory),
    )
