"""What jumps away and comes back at once was not moved: another hand, or a landmark gone astray."""

import numpy as np
from numpy.typing import NDArray

BACK_WITHIN_S = 0.11
_STANDS_OUT = 4.0
_OVER_USUAL = 4.0
_BESIDE = 2
_BACK = 0.5
_WENT_ON = 1.5


def outliers(
    time_s: NDArray[np.float64], values: NDArray[np.float64], within_s: float = BACK_WITHIN_S
) -> NDArray[np.bool_]:
    """(N,) where the values have jumped away, to come back within 0.11 s.

    The steps there and back are more than four times as fast as the two before and the two after
    them, and as the median of all, and where they come back to is nearer by half, or not farther
    than the hand went on meanwhile. So quick is no hand: taps of 6 Hz go up and down in 0.17 s, and
    the steps beside those of a reach are alike. What flickers to and fro is not told from those.
    At fewer than 18 frames a second nothing comes back so soon.

    Args:
        time_s: (N,), growing; of samples at the same time only the first is looked at.
        values: (N,) or (N, D); NaN where missing.
        within_s: how soon they come back, more for what is slower than fingers.
    """
    rows = values[:, None] if values.ndim == 1 else values
    known = np.flatnonzero(np.isfinite(rows).all(1) & (np.diff(time_s, prepend=-np.inf) > 0))
    found = np.zeros(len(rows), bool)
    found[known] = _among_known(time_s[known], rows[known], within_s)
    return found


def _among_known(
    time_s: NDArray[np.float64], rows: NDArray[np.float64], within_s: float
) -> NDArray[np.bool_]:
    found = np.zeros(len(rows), bool)
    steps_s = np.diff(time_s)
    speed = np.linalg.norm(np.diff(rows, axis=0), axis=1) / steps_s
    padded = np.pad(np.where(steps_s > within_s, 0.0, speed), _BESIDE)
    before = np.max([padded[i : i + len(speed)] for i in range(_BESIDE)], axis=0)
    after = np.max([padded[_BESIDE + 1 + i :][: len(speed)] for i in range(_BESIDE)], axis=0)
    usual = float(np.median(speed)) if len(speed) else 0.0
    for length in range(1, len(speed)):
        there, back = speed[:-length], speed[length:]
        takes_s = time_s[length + 1 :] - time_s[: -length - 1]
        soon = takes_s <= within_s
        if not soon.any():
            break
        slower = np.minimum(there, back)
        beside = np.maximum(before[:-length], after[length:])
        apart = np.linalg.norm(rows[length + 1 :] - rows[: -length - 1], axis=1)
        away = np.minimum(there * steps_s[:-length], back * steps_s[length:])
        out = (
            soon
            & (slower > _STANDS_OUT * beside)
            & (slower > _OVER_USUAL * usual)
            & (apart < np.maximum(_BACK * away, _WENT_ON * beside * takes_s))
        )
        for first in np.flatnonzero(out) + 1:
            found[first : first + length] = True
    return found
