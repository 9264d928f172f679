"""Frames that arrive in bursts: their times are when they came, not when they were taken."""

import numpy as np

from stream.hands.session_table import Trajectory

_SHORT = 0.5
_AROUND_S = 0.5
_MOST_SHORT = 0.1


def share_of_short_steps(trajectory: Trajectory) -> float:
    """Share of the steps that are less than half as long as those around them, 0...1.

    That is a frame of the source, over the second around it: frames that were not tracked make no
    step longer, and a clip may change its rate. With frames up to 5 ms early or late it is 0 at 30
    a second, and 0.05 at 60 with a fifth of them missing; a half where two come at once.
    """
    time_s, sequence = trajectory.time_s, trajectory.sequence
    if len(time_s) < 2:
        return 0.0
    step_s = np.diff(time_s) / np.maximum(1, np.diff(sequence))
    middle_s = (time_s[1:] + time_s[:-1]) / 2
    first = np.searchsorted(time_s, middle_s - _AROUND_S)
    last = np.searchsorted(time_s, middle_s + _AROUND_S, side="right") - 1
    frames = np.maximum(1, sequence[last] - sequence[first])
    around_s = (time_s[last] - time_s[first]) / frames
    return float((step_s < _SHORT * around_s).mean())


def problem_of_bursts(short_steps: float) -> str:
    """Why nothing that uses time is to be relied on; empty where it may be.

    Where a seventh of the steps is short, taps seem wider by a third, and faster by two thirds.

    Args:
        short_steps: see :func:`share_of_short_steps`.
    """
    if short_steps <= _MOST_SHORT:
        return ""
    return "the frames came in bursts: when they were taken is not known"


def advice_on_bursts(short_steps: float) -> str:
    """What to do about them; empty where there are none."""
    if not problem_of_bursts(short_steps):
        return ""
    return (
        f"the frames came in bursts: {short_steps:.0%} of the steps are less than half as long as "
        "those around them, so that when they were taken is not known; take a "
        "clip that the phone or camera has filmed itself, or a source that stamps its frames"
    )
