"""Movements that repeat: where each cycle is, how large and how fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.signal import find_peaks

from stream.hands.landmarks import INDEX_MCP, INDEX_TIP, THUMB_TIP, WRIST
from stream.hands.measures.signals import Piece, low_pass, noise_left, pieces, upsampled
from stream.hands.session_table import Trajectory

_CUTOFF_HZ = 9.0
_UPSAMPLE = 8
_FASTEST_HZ = 8.0
_WINDOW_S = 2.0
_SHARE_AROUND = 1 / 3
_SHARE_OF_ALL = 1 / 16
_OVER_NOISE = 8.0
_OVER_ROUNDING = 1e-9  # of the signal's size


@dataclass(frozen=True, eq=False, kw_only=True)
class Cycles:
    """What was found in a signal that goes up and down.

    Attributes:
        counted_s: how long was looked at, gaps left out.
        risen_s: (K,) when each had risen half way from the low before it to its peak. A peak that
            is held is flat, and where on it the highest sample lies is up to the noise.
        peak_s: (K,) times of the peaks.
        amplitude: (K,) of each: from the mean of the lows beside it to the peak.
        interval_s: times from one half rise to the next, never across a gap in the data.
        open_s: (M,) times without a half rise that a gap or the end of the data cuts off: from the
            last one before it, or to the next one behind it, whichever is longer. Each was as long
            at least. None is from the last one before a pause, or to the first one behind it.
        before_s: how long was looked at before the first half rise.
        rise, fall: (K,) fastest change up and down, unit a second.
    """

    counted_s: float
    risen_s: NDArray[np.float64]
    peak_s: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    interval_s: NDArray[np.float64]
    open_s: NDArray[np.float64]
    before_s: float
    rise: NDArray[np.float64]
    fall: NDArray[np.float64]


def aperture(trajectory: Trajectory) -> NDArray[np.float64]:
    """(N,) thumb tip to index tip, in lengths of the hand (wrist to the index finger's root)."""
    points = trajectory.points[:, :, :2]
    gap = np.linalg.norm(points[:, THUMB_TIP] - points[:, INDEX_TIP], axis=1)
    return np.asarray(gap / np.linalg.norm(points[:, INDEX_MCP] - points[:, WRIST], axis=1))


def find_cycles(
    time_s: NDArray[np.float64],
    signal: NDArray[np.float64],
    pauses_s: Sequence[Sequence[float]] = (),
) -> Cycles:
    """Peaks of the low-passed signal (9 Hz), at least 1/8 s apart, that stand out enough.

    That is by a third of the range around them, so that a tap counts where all have become small,
    and by more than noise does (see `_peaks`).

    Args:
        time_s, signal: (N,); NaN where missing.
        pauses_s: from when to when nothing was recorded.
    """
    return _joined([_cycles_of(piece) for piece in pieces(time_s, signal)], pauses_s)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Found:
    """What was found in one piece.

    Attributes:
        before_s: from its begin to the first half rise; to its end where there is none.
        after_s: from the last half rise to its end; where one more cycle has begun without a peak,
            the longer of the times to that rise and from there; as ``before_s`` where there is
            none.
    """

    begin_s: float
    duration_s: float
    risen_s: NDArray[np.float64]
    peak_s: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    rise: NDArray[np.float64]
    fall: NDArray[np.float64]
    before_s: float
    after_s: float

    @property
    def end_s(self) -> float:
        return self.begin_s + self.duration_s


def _cycles_of(piece: Piece) -> _Found:
    smooth = low_pass(piece, _CUTOFF_HZ)
    fine = upsampled(smooth, _UPSAMPLE)
    values, rate = fine.values, fine.rate_hz
    peaks = _peaks(fine, noise_left(piece, smooth, _CUTOFF_HZ))
    edges = [0, *peaks.tolist(), len(values) - 1]
    lows = np.array([values[a : b + 1].min() for a, b in pairwise(edges)])
    slope = np.gradient(values) * rate
    half_rises = [_half_rise(values[a : b + 1]) + a for a, b in zip(edges[:-2], peaks, strict=True)]
    risen = np.array(half_rises) / rate
    return _Found(
        begin_s=piece.begin_s,
        duration_s=piece.duration_s,
        risen_s=piece.begin_s + risen,
        peak_s=fine.time_s[peaks],
        amplitude=values[peaks] - (lows[:-1] + lows[1:])[: len(peaks)] / 2,
        rise=np.array([slope[a : b + 1].max() for a, b in zip(edges[:-2], peaks, strict=True)]),
        fall=np.array([-slope[a : b + 1].min() for a, b in zip(peaks, edges[2:], strict=True)]),
        before_s=float(risen[0]) if len(peaks) else piece.duration_s,
        after_s=_after(values, peaks[-1], half_rises[-1]) / rate
        if len(peaks)
        else piece.duration_s,
    )


def _after(values: NDArray[np.float64], peak: int, risen: float) -> float:
    """How many samples were without a half rise behind the last peak, see `_Found`."""
    end = len(values) - 1
    low = peak + int(np.argmin(values[peak:]))
    above = np.flatnonzero(values[low:] > (values[low] + values[peak]) / 2)
    again = low + int(above[0]) if len(above) else end
    return max(again - risen, end - again)


def _half_rise(values: NDArray[np.float64]) -> float:
    """Where the last crossing of half the height lies, in samples between two of them.

    Args:
        values: (N,) from one peak to the next, which is the last.
    """
    half = (values.min() + values[-1]) / 2
    below = int(np.flatnonzero(values <= half)[-1])
    return float(below + (half - values[below]) / (values[below + 1] - values[below]))


def _joined(found: list[_Found], pauses_s: Sequence[Sequence[float]]) -> Cycles:
    def joined(name: str) -> NDArray[np.float64]:
        return np.concatenate([np.zeros(0), *(getattr(one, name) for one in found)])

    first = next((i for i, one in enumerate(found) if len(one.risen_s)), len(found))
    return Cycles(
        counted_s=sum(one.duration_s for one in found),
        risen_s=joined("risen_s"),
        peak_s=joined("peak_s"),
        amplitude=joined("amplitude"),
        interval_s=np.concatenate([np.zeros(0), *(np.diff(one.risen_s) for one in found)]),
        open_s=_open_s(found[first:], pauses_s),
        before_s=sum(one.duration_s for one in found[:first])
        + sum(one.before_s for one in found[first : first + 1]),
        rise=joined("rise"),
        fall=joined("fall"),
    )


def _open_s(found: list[_Found], pauses_s: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """See `Cycles`; of pieces of which the first has cycles."""
    open_s: list[float] = []
    longest_s = 0.0
    begun = False  # a cycle since the last pause
    for i, one in enumerate(found):
        if i and any(a < one.begin_s and b > found[i - 1].end_s for a, b in pauses_s):
            longest_s, begun = 0.0, False
        if begun and len(one.risen_s):
            open_s.append(max(longest_s, one.before_s))
        longest_s = one.after_s if len(one.risen_s) else max(longest_s, one.after_s)
        begun = begun or len(one.risen_s) > 0
    paused = bool(found) and any(b > found[-1].end_s for _, b in pauses_s)
    return np.array([*open_s, longest_s] if begun and not paused else open_s)


def _peaks(signal: Piece, noise: float) -> NDArray[np.intp]:
    """Indices of the peaks that stand out.

    A first look with a third of the whole range tells how long a cycle is: a slow movement's
    plateau must not be looked at alone.
    """
    apart = max(1.0, signal.rate_hz / _FASTEST_HZ)
    spread = float(np.subtract(*np.percentile(signal.values, [95, 5])))
    largest, _ = find_peaks(signal.values, distance=apart, prominence=spread * _SHARE_AROUND)
    cycle = float(np.median(np.diff(largest))) if len(largest) > 1 else len(signal.values)
    window = 1 + 2 * round(max(_WINDOW_S / 2 * signal.rate_hz, cycle))
    around = maximum_filter1d(signal.values, window) - minimum_filter1d(signal.values, window)
    rounding = _OVER_ROUNDING * float(np.abs(signal.values).max())
    floor = max(_SHARE_OF_ALL * spread, _OVER_NOISE * noise, rounding)
    least = np.maximum(_SHARE_AROUND * around, floor)
    found, _ = find_peaks(signal.values, distance=apart, prominence=least)
    return np.asarray(found)
