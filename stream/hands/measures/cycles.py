"""Movements that repeat: finger tapping, and opening and closing the hand."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.signal import find_peaks

from stream.hands.landmarks import INDEX_MCP, INDEX_TIP, THUMB_TIP, WRIST
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import Piece, low_pass, pieces, upsampled
from stream.hands.session_table import Trajectory

_CUTOFF_HZ = 9.0
_UPSAMPLE = 8
_FASTEST_HZ = 8.0
_WINDOW_S = 2.0
_SHARE_AROUND = 1 / 3
_SHARE_OF_ALL = 1 / 16
_OVER_NOISE = 8.0
_LEAST_CYCLES = 10
_SAMPLES_A_CYCLE = 6.0
_RADBOUD = "after VideoBased-PD-Biomarkers, arXiv 2506.18925 (2025)"
_MDS = "after MDS-UPDRS 3.4, of which it is not a score"


@dataclass(frozen=True, eq=False, kw_only=True)
class Cycles:
    """What was found in a signal that goes up and down.

    Attributes:
        peak_s: (K,) times of the peaks.
        amplitude: (K,) of each: from the mean of the lows beside it to the peak.
        interval_s: times from one peak to the next, never across a gap in the data.
        rise, fall: (K,) fastest change up and down, unit a second.
    """

    peak_s: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    interval_s: NDArray[np.float64]
    rise: NDArray[np.float64]
    fall: NDArray[np.float64]


def aperture(trajectory: Trajectory) -> NDArray[np.float64]:
    """(N,) thumb tip to index tip, in lengths of the hand (wrist to the index finger's root)."""
    points = trajectory.points[:, :, :2]
    gap = np.linalg.norm(points[:, THUMB_TIP] - points[:, INDEX_TIP], axis=1)
    return np.asarray(gap / np.linalg.norm(points[:, INDEX_MCP] - points[:, WRIST], axis=1))


def find_cycles(time_s: NDArray[np.float64], signal: NDArray[np.float64]) -> Cycles:
    """Peaks of the low-passed signal (9 Hz), at least 1/8 s apart, that stand out enough.

    That is by a third of the range around them, so that a tap counts where all have become small,
    and by more than noise does (see `_peaks`).

    Args:
        time_s, signal: (N,); NaN where missing.
    """
    found = [_cycles_of(piece) for piece in pieces(time_s, signal)]
    return Cycles(
        **{
            field.name: np.concatenate([np.zeros(0), *(getattr(c, field.name) for c in found)])
            for field in fields(Cycles)
        }
    )


def cycle_measures(
    cycles: Cycles, quality: Quality, *, what: str, signal: str, rise: str, fall: str, unit: str
) -> list[Measure]:
    """Rate, amplitude, decrement, rhythm and interruptions.

    Args:
        what: one cycle is called, such as "tap".
        signal: goes up and down, such as "aperture".
        rise, fall: what the hand does while it goes up and down, such as "opening" and "closing".
        unit: of the amplitude.
    """
    count = len(cycles.peak_s)
    intervals, sizes = cycles.interval_s, cycles.amplitude
    rate = 1 / float(intervals.mean()) if len(intervals) else None
    typical = float(np.median(intervals)) if len(intervals) else 0.0
    third = max(1, count // 3)
    problem = quality.problem
    few = f"only {count} {what}s; at least {_LEAST_CYCLES} are asked for"
    rhythm_problem = problem or (few if count < _LEAST_CYCLES else "")
    too_fast = rate is not None and quality.fps < _SAMPLES_A_CYCLE * rate
    size_problem = problem or (
        f"{quality.fps:.0f} frames a second are too few for {rate:.1f} {what}s a second"
        if too_fast
        else ""
    )
    return [
        Measure(
            name=f"{what}s",
            value=float(count),
            unit="",
            definition=f"peaks of the low-passed {signal} (Butterworth, 9 Hz, both ways) that "
            "stand out by a third of its range in the 2 s around them (two cycles where those are "
            "longer), a sixteenth of its whole range, and eight times its noise",
            origin=_RADBOUD,
            problem=problem,
        ),
        Measure(
            name="rate",
            value=rate,
            unit="Hz",
            definition=f"one over the mean time between {what}s",
            origin=_RADBOUD,
            problem=problem,
        ),
        Measure(
            name="amplitude, median",
            value=_or_none(sizes, np.median),
            unit=unit,
            definition="from the mean of the lows beside it to the peak",
            origin=_RADBOUD,
            problem=size_problem,
        ),
        Measure(
            name="amplitude, largest",
            value=_or_none(sizes, np.max),
            unit=unit,
            definition="of all",
            problem=size_problem,
        ),
        Measure(
            name="amplitude, last third to first",
            value=float(np.median(sizes[-third:]) / np.median(sizes[:third]))
            if count > 2
            else None,
            unit="",
            definition="ratio of the medians; less than 1 is a decrement",
            origin=_MDS,
            problem="; ".join(p for p in (size_problem, rhythm_problem) if p),
        ),
        Measure(
            name=f"{rise} speed, median",
            value=_or_none(cycles.rise, np.median),
            unit=f"{unit}/s",
            definition=f"fastest rise of the {signal} before each peak",
            problem=size_problem,
        ),
        Measure(
            name=f"{fall} speed, median",
            value=_or_none(cycles.fall, np.median),
            unit=f"{unit}/s",
            definition=f"fastest fall of the {signal} after each peak",
            problem=size_problem,
        ),
        Measure(
            name="interval variation",
            value=100 * float(intervals.std() / intervals.mean()) if len(intervals) > 1 else None,
            unit="%",
            definition="standard deviation of the intervals over their mean",
            origin=_RADBOUD,
            problem=rhythm_problem,
        ),
        Measure(
            name="interruptions",
            value=float((intervals > 1.5 * typical).sum()) if len(intervals) else None,
            unit="",
            definition="intervals of more than 1.5 times the median",
            origin=_MDS,
            problem=rhythm_problem,
        ),
        Measure(
            name="longest interval",
            value=_or_none(intervals, np.max),
            unit="s",
            definition=f"between two {what}s",
            problem=problem,
        ),
    ]


def _cycles_of(piece: Piece) -> Cycles:
    smooth = low_pass(piece, _CUTOFF_HZ)
    fine = upsampled(smooth, _UPSAMPLE)
    values, rate = fine.values, fine.rate_hz
    peaks = _peaks(fine, _noise(piece, smooth))
    edges = [0, *peaks.tolist(), len(values) - 1]
    lows = np.array([values[a : b + 1].min() for a, b in pairwise(edges)])
    slope = np.gradient(values) * rate
    return Cycles(
        peak_s=fine.time_s[peaks],
        amplitude=values[peaks] - (lows[:-1] + lows[1:])[: len(peaks)] / 2,
        interval_s=np.diff(fine.time_s[peaks]),
        rise=np.array([slope[a : b + 1].max() for a, b in zip(edges[:-2], peaks, strict=True)]),
        fall=np.array([-slope[a : b + 1].min() for a, b in zip(peaks, edges[2:], strict=True)]),
    )


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
    least = np.maximum(_SHARE_AROUND * around, max(_SHARE_OF_ALL * spread, _OVER_NOISE * noise))
    found, _ = find_peaks(signal.values, distance=apart, prominence=least)
    return np.asarray(found)


def _noise(piece: Piece, smooth: Piece) -> float:
    """Standard deviation of the noise that the low-pass left, from what it took away.

    Noise is taken to be as strong below the cut-off as above it.
    """
    taken_hz = piece.rate_hz / 2 - _CUTOFF_HZ
    if taken_hz <= 0:
        return 0.0
    taken = 1.4826 * float(np.median(np.abs(piece.values - smooth.values)))
    return taken * float(np.sqrt(_CUTOFF_HZ / taken_hz))


def _or_none(values: NDArray[np.float64], statistic: object) -> float | None:
    return float(statistic(values)) if len(values) else None  # type: ignore[operator]


def tapping_measures(trajectory: Trajectory, quality: Quality) -> Sequence[Measure]:
    """Finger tapping: thumb and index finger."""
    cycles = find_cycles(trajectory.time_s, aperture(trajectory))
    return cycle_measures(
        cycles,
        quality,
        what="tap",
        signal="aperture",
        rise="opening",
        fall="closing",
        unit="hand lengths",
    )
