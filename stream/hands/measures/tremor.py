"""The frequency of a tremor at rest. Its size is not to be relied on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks, welch

from stream.hands.landmarks import INDEX_TIP
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import Piece, high_pass, pieces, too_slow
from stream.hands.session_table import Trajectory, median_rate

_BAND_HZ = (3.0, 12.0)
_HIGH_PASS_HZ = 1.5
_LEAST_S = 10.0
_WINDOW_S = 4.0
_PADDING = 8
_STANDS_OUT = 6.0
_HIGHER_THAN_BOTH = 2.0
_BESIDE_HZ = (0.75, 2.5)
_LOWEST_FPS = 20.0  # at fewer, a tremor of 12 Hz is folded into what is looked at
_HIGHEST_OF_RATE = 0.4
_NEAR_HIGHEST_HZ = 1.0
_NOT_VALID = (
    "pictures give a tremor's frequency, not its size: Sci Rep (2025), s41598-025-97252-4, found "
    "the accuracy of the amplitude insufficient for clinical use"
)
_GUNEY = "after Güney et al., Sensors 22:7992 (2022)"


def spectrum(piece: Piece) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and power of the movement along its main axis (Welch, 4 s windows).

    The axis is that of what is faster than 1.5 Hz. The power is of all there is: what is slower
    must be seen, to tell a peak from the slope of slow sway.

    Args:
        piece: (N, 2) positions.
    """
    moved = high_pass(piece, _HIGH_PASS_HZ).values
    axis = np.linalg.svd(moved - moved.mean(0), full_matrices=False)[2][0]
    window = min(len(moved), round(_WINDOW_S * piece.rate_hz))
    frequency, power = welch(
        piece.values @ axis,
        piece.rate_hz,
        nperseg=window,
        nfft=_PADDING * window,
        detrend="linear",
    )
    return np.asarray(frequency), np.asarray(power)


def tremor_peak(
    frequency: NDArray[np.float64], power: NDArray[np.float64], highest_hz: float
) -> float | None:
    """The strongest peak from 3 Hz up that stands out from both sides; None without one.

    What lies 0.75 to 2.5 Hz below and above it has two medians of power: it is more than twice the
    larger, and more than six times their geometric mean, which lies on the slope where there is
    one. Of 400 made-up sessions each of white noise, of sway up to 1 to 2 Hz and of drift, at most
    3 of 10 s had such a peak, and none of 15 s.

    Args:
        frequency, power: (N,) of the whole spectrum.
        highest_hz: where to look to.
    """
    peaks, _ = find_peaks(power)
    inside = (frequency[peaks] >= _BAND_HZ[0]) & (frequency[peaks] <= highest_hz)
    near, far = _BESIDE_HZ
    for i in sorted(peaks[inside], key=lambda i: -power[i]):
        away = frequency - frequency[i]
        sides = ((away >= -far) & (away <= -near), (away >= near) & (away <= far))
        medians = [float(np.median(power[side])) for side in sides]
        between = float(np.sqrt(np.prod(medians)))
        if power[i] > max(_STANDS_OUT * between, _HIGHER_THAN_BOTH * max(medians)):
            left, middle, right = power[i - 1 : i + 2]
            shift = 0.5 * (left - right) / (left - 2 * middle + right)
            return float(frequency[i] + shift * frequency[1])
    return None


def tremor_measures(trajectory: Trajectory, quality: Quality) -> Sequence[Measure]:
    """Of the index finger's tip, in palm lengths of the median frame."""
    points = trajectory.points
    palm = trajectory.median_palm_px
    found = pieces(trajectory.time_s, points[:, INDEX_TIP, :2] / palm) if np.isfinite(palm) else []
    longest = max(found, key=lambda piece: piece.duration_s, default=None)
    peak = amplitude = None
    rate_hz = median_rate(np.unique(trajectory.time_s))
    if too_slow(rate_hz, _LOWEST_FPS):
        problem = f"{rate_hz:.0f} frames a second; at least {_LOWEST_FPS:.0f} are needed"
    elif longest is None or longest.duration_s < _LEAST_S:
        problem = f"no {_LEAST_S:.0f} s without a gap"
    else:
        frequency, power = spectrum(longest)
        highest = min(_BAND_HZ[1], _HIGHEST_OF_RATE * rate_hz)
        peak = tremor_peak(frequency, power, highest)
        problem = _problem(peak, highest, rate_hz)
        band = (frequency >= _BAND_HZ[0]) & (frequency <= highest)
        amplitude = float(np.sqrt(2 * power[band].sum() * frequency[1]))
    return [
        Measure(
            name="tremor frequency",
            value=peak,
            unit="Hz",
            definition="strongest peak between 3 and 12 Hz of the power spectrum (Welch, 4 s "
            "windows) of the index finger's tip along its main axis, in the longest piece without "
            "gaps; it stands out six times from the power below and above it",
            origin=_GUNEY,
            problem=quality.problem or problem,
        ),
        Measure(
            name="tremor amplitude",
            value=amplitude,
            unit="palm lengths",
            definition="of a sine wave with the power between 3 and 12 Hz",
            problem=_NOT_VALID,
        ),
    ]


def _problem(peak: float | None, highest_hz: float, rate_hz: float) -> str:
    limited = f"at {rate_hz:.0f} frames a second only to {highest_hz:.0f} Hz"
    is_limited = too_slow(highest_hz, _BAND_HZ[1])
    if peak is None:
        none = "no frequency stands out: no tremor is to be seen"
        return f"{none}, {limited}" if is_limited else none
    return limited if is_limited and peak > highest_hz - _NEAR_HIGHEST_HZ else ""
