"""The power spectrum of a movement, and the rhythm that stands out of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks, welch

from stream.hands.measures.signals import Piece, high_pass

LOWEST_HZ = 3.0
_HIGH_PASS_HZ = 1.5
_WINDOW_S = 4.0
_PADDING = 8
_STANDS_OUT = 6.0
_HIGHER_THAN_BOTH = 2.0
_BESIDE_HZ = (0.75, 2.5)
_OVER_LEAKAGE = 4.0
_SAME_HZ = 0.15
_OF_OVERTONE = 16
_ANY_POWER_TO = 4


@dataclass(frozen=True, kw_only=True)
class Peak:
    """A rhythm.

    Attributes:
        frequency_hz: between the lines of the spectrum.
        power: of its highest line.
        base_hz: of a stronger rhythm whose overtone it may be; None where there is none.
    """

    frequency_hz: float
    power: float
    base_hz: float | None


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
) -> Peak | None:
    """The strongest rhythm from 3 Hz up; one that may be an overtone only for want of another.

    Of 400 made-up sessions each of white noise, of sway up to 1 to 2 Hz and of drift, at most
    3 of 10 s had such a peak, and none of 15 s.

    Args:
        frequency, power: (N,) of the whole spectrum.
        highest_hz: where to look to.
    """
    rhythms = [i for i in find_peaks(power)[0] if _is_rhythm(frequency, power, i)]
    peaks = [(_between_lines(frequency, power, i), float(power[i])) for i in rhythms]
    found = [
        Peak(frequency_hz=hz, power=height, base_hz=_base(hz, height, peaks))
        for hz, height in peaks
        if LOWEST_HZ - frequency[1] / 2 <= hz <= highest_hz + frequency[1] / 2
    ]
    return strongest(found)


def strongest(peaks: Sequence[Peak]) -> Peak | None:
    """Of those that are no overtone, where one has a sixteenth of the strongest overtone's power.

    A weaker one may be an overtone, too: of those above half the frame rate, which are folded.
    """
    overtone = max((peak.power for peak in peaks if peak.base_hz is not None), default=0.0)
    others = [p for p in peaks if p.base_hz is None and p.power > overtone / _OF_OVERTONE]
    return max(others or peaks, key=lambda peak: peak.power, default=None)


def _is_rhythm(frequency: NDArray[np.float64], power: NDArray[np.float64], i: int) -> bool:
    """Whether a peak stands out from both sides, and is no side lobe of another one.

    What lies 0.75 to 2.5 Hz below and above it has two medians of power: it is more than twice the
    larger, and more than six times their geometric mean, which lies on the slope where there is
    one. Nothing within 0.75 Hz is higher, and what a stronger peak farther away leaks to here
    through the window is less than a quarter of it.
    """
    away = frequency - frequency[i]
    near, far = _BESIDE_HZ
    if power[np.abs(away) < near].max() > power[i]:
        return False
    leaked = power * _hann_leakage(np.abs(away))
    if power[i] < _OVER_LEAKAGE * leaked[np.abs(away) >= near].max():
        return False
    sides = ((away >= -far) & (away <= -near), (away >= near) & (away <= far))
    medians = [float(np.median(power[side])) for side in sides if side.any()]
    if len(medians) < len(sides):
        return False
    between = float(np.sqrt(np.prod(medians)))
    return bool(power[i] > max(_STANDS_OUT * between, _HIGHER_THAN_BOTH * max(medians)))


def _hann_leakage(away_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) the tops of the side lobes of a 4 s Hann window, as shares of the power of a sine.

    The window's transform is sinc(x) / (1 - x^2) at x lines from the sine.
    """
    x = np.maximum(away_hz * _WINDOW_S, _BESIDE_HZ[0] * _WINDOW_S)
    return np.asarray((np.pi * x * (x**2 - 1)) ** -2)


def _base(hz: float, power: float, rhythms: Sequence[tuple[float, float]]) -> float | None:
    """The frequency of the strongest rhythm whose overtone a peak may be.

    Up to the fourth multiple it may have any power below that of the base; a farther one has no
    more than a square wave's.

    Args:
        rhythms: frequency and power of each.
    """
    bases = []
    for base_hz, base_power in rhythms:
        times = round(hz / base_hz)
        least = 1 if times <= _ANY_POWER_TO else times**2
        if times > 1 and abs(hz - times * base_hz) <= _SAME_HZ and base_power > least * power:
            bases.append((base_power, base_hz))
    return max(bases)[1] if bases else None


def _between_lines(frequency: NDArray[np.float64], power: NDArray[np.float64], i: int) -> float:
    """Where the parabola through a line and its neighbours has its top."""
    left, middle, right = power[i - 1 : i + 2]
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    return float(frequency[i] + shift * frequency[1])
