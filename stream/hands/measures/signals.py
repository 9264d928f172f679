"""From samples with gaps at uneven times to pieces that a filter may be used on.

Missing frames stay missing: gaps of up to 150 ms are bridged, over longer ones nothing is made up.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt

from stream.hands.measures.outliers import outliers
from stream.hands.session_table import median_rate

MAX_GAP_S = 0.15
_ORDER = 4
LEAST_SAMPLES = 16
_HIGHEST_HZ = 1000.0
_NOMINAL = 0.95
_SLOW_FOR_S = 2.0


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


def too_slow(rate_hz: float, needed_hz: float) -> bool:
    """Whether a rate is lower by more than 5 %: 23.976 and 29.97 Hz go by the names 24 and 30."""
    return rate_hz < _NOMINAL * needed_hz


def slowest_rate(time_s: NDArray[np.float64]) -> float:
    """The least median rate of any two seconds: a camera's where it took the fewest frames.

    A single frame that is missing does not count; 0 without a step.

    Args:
        time_s: (N,), growing.
    """
    time_s = np.unique(time_s)
    last_s = time_s[-1] - _SLOW_FOR_S if len(time_s) else 0.0
    begins = np.arange(time_s[0] if len(time_s) else 0.0, last_s, _SLOW_FOR_S / 4)
    windows = [time_s[(time_s >= begin) & (time_s <= begin + _SLOW_FOR_S)] for begin in begins]
    return min(median_rate(window) for window in windows or [time_s])


def pieces(time_s: NDArray[np.float64], values: NDArray[np.float64]) -> list[Piece]:
    """Cut at gaps of more than 150 ms; bring each piece to the median rate by a cubic spline.

    What jumps away and comes back at once is taken as missing (see `outliers`). Pieces of
    fewer than 16 samples, before or after that, are left out. The rate is 1000 Hz at most: no
    camera of hands has more, and steps within a burst of frames may be next to nothing.

    Args:
        time_s: (N,), growing; of samples at the same time the first counts.
        values: (N,) or (N, D); NaN where missing.
    """
    known = np.isfinite(values).reshape(len(values), -1).all(1)
    rate = min(median_rate(np.unique(time_s)), _HIGHEST_HZ)
    time_s, first = np.unique(time_s[known], return_index=True)
    values = values[known][first]
    stays = ~outliers(time_s, values)
    time_s, values = time_s[stays], values[stays]
    if rate <= 0 or len(time_s) < LEAST_SAMPLES:
        return []
    cuts = np.flatnonzero(np.diff(time_s) > MAX_GAP_S) + 1
    found = []
    for times, part in zip(np.split(time_s, cuts), np.split(values, cuts), strict=True):
        if len(times) >= LEAST_SAMPLES:
            grid = np.arange(times[0], times[-1] + 1e-9, 1 / rate)
            if len(grid) >= LEAST_SAMPLES:
                found.append(Piece(CubicSpline(times, part)(grid), rate, float(times[0])))
    return found


def upsampled(piece: Piece, times: int) -> Piece:
    """As many samples for each one, by a cubic spline: finds a peak that fell between two frames.

    Raises:
        ValueError: the piece has fewer than two samples.
    """
    rate_hz = piece.rate_hz * times
    grid = piece.begin_s + np.arange((len(piece.values) - 1) * times + 1) / rate_hz
    return Piece(CubicSpline(piece.time_s, piece.values)(grid), rate_hz, piece.begin_s)


def low_pass(piece: Piece, cutoff_hz: float) -> Piece:
    """Butterworth of order 4, forwards and backwards; as it is where the rate is too low for it."""
    if cutoff_hz >= 0.45 * piece.rate_hz:
        return piece
    filtered = sosfiltfilt(
        butter(_ORDER, cutoff_hz, fs=piece.rate_hz, output="sos"), piece.values, 0
    )
    return Piece(np.asarray(filtered, np.float64), piece.rate_hz, piece.begin_s)


def noise_left(piece: Piece, smooth: Piece, cutoff_hz: float) -> float:
    """Standard deviation of the noise that a low-pass left, from what it took away.

    Noise is taken to be as strong below the cut-off as above it. 0 where nothing was taken away.
    """
    taken_hz = piece.rate_hz / 2 - cutoff_hz
    if taken_hz <= 0:
        return 0.0
    taken = 1.4826 * float(np.median(np.abs(piece.values - smooth.values)))
    return taken * float(np.sqrt(cutoff_hz / taken_hz))


def high_pass(piece: Piece, cutoff_hz: float) -> Piece:
    """The same the other way round."""
    sos = butter(_ORDER, cutoff_hz, "highpass", fs=piece.rate_hz, output="sos")
    return Piece(np.asarray(sosfiltfilt(sos, piece.values, 0)), piece.rate_hz, piece.begin_s)
