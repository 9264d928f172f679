"""From samples with gaps at uneven times to pieces that a filter may be used on.

Missing frames stay missing: gaps of up to 150 ms are bridged, over longer ones nothing is made up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt

from stream.hands.session_table import median_rate

MAX_GAP_S = 0.15
_ORDER = 4
_LEAST_SAMPLES = 16


@dataclass(frozen=True, eq=False)
class Piece:
    """A signal without long gaps, at uniform times.

    Attributes:
        values: (N,) or (N, D).
        rate_hz: samples a second.
        begin_s: time of the first.
    """

    values: NDArray[np.float64]
    rate_hz: float
    begin_s: float

    @property
    def time_s(self) -> NDArray[np.float64]:
        return self.begin_s + np.arange(len(self.values)) / self.rate_hz

    @property
    def duration_s(self) -> float:
        return (len(self.values) - 1) / self.rate_hz


def effective_rate(time_s: NDArray[np.float64]) -> float:
    """Frames a second of the whole, dropped ones not counted."""
    span = float(time_s[-1] - time_s[0]) if len(time_s) > 1 else 0.0
    return (len(time_s) - 1) / span if span > 0 else 0.0


def without_pauses(
    time_s: NDArray[np.float64], pauses_s: Sequence[Sequence[float]]
) -> NDArray[np.float64]:
    """(N,) the same times on a clock that stood still from the begin to the end of each pause."""
    paused_s = [np.clip(time_s - begin_s, 0.0, end_s - begin_s) for begin_s, end_s in pauses_s]
    return np.asarray(time_s - np.sum(paused_s, axis=0), np.float64)


def pieces(
    time_s: NDArray[np.float64], values: NDArray[np.float64], *, upsample: int = 1
) -> list[Piece]:
    """Cut at gaps of more than 150 ms; bring each piece to the median rate, or a multiple of it.

    Between samples a cubic spline is used: a peak that fell between two frames is found again.

    Args:
        time_s: (N,), growing; of samples at the same time the first counts.
        values: (N,) or (N, D); NaN where missing.
    """
    known = np.isfinite(values).reshape(len(values), -1).all(1)
    rate = median_rate(np.unique(time_s)) * upsample
    time_s, first = np.unique(time_s[known], return_index=True)
    values = values[known][first]
    if rate <= 0 or len(time_s) < _LEAST_SAMPLES:
        return []
    cuts = np.flatnonzero(np.diff(time_s) > MAX_GAP_S) + 1
    found = []
    for times, part in zip(np.split(time_s, cuts), np.split(values, cuts), strict=True):
        if len(times) >= _LEAST_SAMPLES:
            grid = np.arange(times[0], times[-1] + 1e-9, 1 / rate)
            found.append(Piece(CubicSpline(times, part)(grid), rate, float(times[0])))
    return found


def low_pass(piece: Piece, cutoff_hz: float) -> Piece:
    """Butterworth of order 4, forwards and backwards; as it is where the rate is too low for it."""
    if cutoff_hz >= 0.45 * piece.rate_hz or len(piece.values) < _LEAST_SAMPLES:
        return piece
    filtered = sosfiltfilt(
        butter(_ORDER, cutoff_hz, fs=piece.rate_hz, output="sos"), piece.values, 0
    )
    return Piece(np.asarray(filtered, np.float64), piece.rate_hz, piece.begin_s)


def high_pass(piece: Piece, cutoff_hz: float) -> Piece:
    """The same the other way round."""
    sos = butter(_ORDER, cutoff_hz, "highpass", fs=piece.rate_hz, output="sos")
    return Piece(np.asarray(sosfiltfilt(sos, piece.values, 0)), piece.rate_hz, piece.begin_s)
