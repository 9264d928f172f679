"""Steps of the whole hand that no hand makes: another one was taken for it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stream.hands.measures.outliers import outliers
from stream.hands.measures.signals import MAX_GAP_S
from stream.hands.session_table import Trajectory

_FASTEST_PALMS_S = 40.0  # 3.8 m/s with a palm of 9.5 cm; a fast reach has 1 to 2


def without_strays(trajectory: Trajectory) -> Trajectory:
    """The same, without the frames in which the whole hand jumps away and comes back at once.

    That is within 150 ms: no whole hand goes to and fro in that time.
    """
    stays = ~outliers(trajectory.time_s, _centre(trajectory), MAX_GAP_S)
    each = stays[:, None, None]
    return replace(
        trajectory,
        detected=trajectory.detected & stays,
        points=np.where(each, trajectory.points, np.nan),
        world=np.where(each, trajectory.world, np.nan),
    )


def number_of_jumps(trajectory: Trajectory) -> int:
    """Steps of more than 40 palm lengths a second, over no gap of more than 150 ms."""
    time_s = trajectory.time_s[trajectory.detected]
    way = np.diff(_centre(trajectory)[trajectory.detected], axis=0)
    steps_s = np.diff(time_s)
    far = np.linalg.norm(way, axis=1) > _FASTEST_PALMS_S * steps_s
    return int((far & (steps_s > 0) & (steps_s <= MAX_GAP_S)).sum())


def _centre(trajectory: Trajectory) -> NDArray[np.float64]:
    """(N, 2) palm lengths of the median frame."""
    centre = trajectory.points[:, :, :2].mean(1) / trajectory.median_palm_px
    return np.asarray(centre, np.float64)
