"""The frequency of a tremor at rest. Its size is not to be relied on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from stream.hands.landmarks import INDEX_TIP
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import Piece, high_pass, pieces
from stream.hands.session_table import Trajectory

_BAND_HZ = (3.0, 12.0)
_HIGH_PASS_HZ = 1.5
_LEAST_S = 5.0
_WINDOW_S = 4.0
_PADDING = 8
_STANDS_OUT = 6.0
_NOT_VALID = (
    "pictures give a tremor's frequency, not its size: Sci Rep (2025), s41598-025-97252-4, found "
    "the accuracy of the amplitude insufficient for clinical use"
)
_GUNEY = "after Güney et al., Sensors 22:7992 (2022)"


def spectrum(piece: Piece) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and power of the movement along its main axis (Welch, 4 s windows).

    Args:
        piece: (N, 2) positions.
    """
    moved = high_pass(piece, _HIGH_PASS_HZ).values
    moved = moved - moved.mean(0)
    axis = np.linalg.svd(moved, full_matrices=False)[2][0]
    window = min(len(moved), round(_WINDOW_S * piece.rate_hz))
    frequency, power = welch(
        moved @ axis, piece.rate_hz, nperseg=window, nfft=_PADDING * window, detrend="linear"
    )
    return np.asarray(frequency), np.asarray(power)


def tremor_measures(trajectory: Trajectory, quality: Quality) -> Sequence[Measure]:
    """Of the index finger's tip, in palm lengths of the median frame."""
    points = trajectory.points
    palm = trajectory.median_palm_px
    found = pieces(trajectory.time_s, points[:, INDEX_TIP, :2] / palm) if np.isfinite(palm) else []
    longest = max(found, key=lambda piece: piece.duration_s, default=None)
    peak = amplitude = None
    problem = quality.problem
    if longest is None or longest.duration_s < _LEAST_S:
        problem = problem or f"no {_LEAST_S:.0f} s without a gap"
    else:
        frequency, power = spectrum(longest)
        highest = min(_BAND_HZ[1], 0.4 * longest.rate_hz)
        band = (frequency >= _BAND_HZ[0]) & (frequency <= highest)
        peak, height = _peak(frequency[band], power[band])
        amplitude = float(np.sqrt(2 * power[band].sum() * frequency[1]))
        if highest < _BAND_HZ[1]:
            problem = (
                problem or f"at {longest.rate_hz:.0f} frames a second only to {highest:.0f} Hz"
            )
        if height < _STANDS_OUT * float(np.median(power[band])):
            problem = problem or "no frequency stands out: no tremor is to be seen"
    return [
        Measure(
            name="tremor frequency",
            value=peak,
            unit="Hz",
            definition="peak between 3 and 12 Hz of the power spectrum (Welch, 4 s windows) of the "
            "index finger's tip along its main axis, in the longest piece without gaps",
            origin=_GUNEY,
            problem=problem,
        ),
        Measure(
            name="tremor amplitude",
            value=amplitude,
            unit="palm lengths",
            definition="of a sine wave with the power between 3 and 12 Hz",
            problem=_NOT_VALID,
        ),
    ]


def _peak(frequency: NDArray[np.float64], power: NDArray[np.float64]) -> tuple[float, float]:
    """The highest point, between the samples by a parabola through three of them."""
    i = int(np.argmax(power))
    if not 0 < i < len(power) - 1:
        return float(frequency[i]), float(power[i])
    left, middle, right = power[i - 1 : i + 2]
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    return float(frequency[i] + shift * (frequency[1] - frequency[0])), float(middle)
