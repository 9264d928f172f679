"""The rhythm of movements that repeat: finger tapping, and opening and closing the hand."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream.hands.measures.coverage import uncounted, unmeasured
from stream.hands.measures.cycles import Cycles, aperture, find_cycles
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.session_table import Trajectory

_LEAST_CYCLES = 10
_HALTED = 1.5
_SAMPLES_A_CYCLE = 6.0
_FASTEST_UNLESSENED_HZ = 6.0  # the low-pass at 9 Hz takes 4 % of the amplitude there, 18 % at 7.5
_RADBOUD = "after VideoBased-PD-Biomarkers, arXiv 2506.18925 (2025)"
_MDS = "after MDS-UPDRS 3.4, of which it is not a score"


def cycle_measures(
    cycles: Cycles,
    quality: Quality,
    *,
    what: str,
    signal: str,
    rise: str,
    fall: str,
    unit: str,
    note: str = "",
) -> list[Measure]:
    """Rate, amplitude, decrement, rhythm and interruptions.

    Args:
        what: one cycle is called, such as "tap".
        signal: goes up and down, such as "aperture".
        rise, fall: what the hand does while it goes up and down, such as "opening" and "closing".
        unit: of the amplitude.
        note: what the definitions of count, amplitude and speeds end with.
    """
    count = len(cycles.peak_s)
    intervals, sizes = cycles.interval_s, cycles.amplitude
    rate = 1 / float(intervals.mean()) if len(intervals) else None
    longest = _HALTED * float(np.median(intervals)) if len(intervals) else np.inf
    halted = cycles.open_s[cycles.open_s > longest]
    third = max(1, count // 3)
    problem = quality.problem or ("" if cycles.counted_s else unmeasured(quality))
    missed = problem or uncounted(cycles.counted_s, quality)
    rate_problem = problem or ("" if len(intervals) else f"no two {what}s without a gap between")
    few = f"only {count} {what}s; at least {_LEAST_CYCLES} are asked for"
    apart = f"no three {what}s without a gap between"
    rhythm_problem = problem or (
        few if count < _LEAST_CYCLES else apart if len(intervals) < 2 else ""
    )
    size_problem = problem or _size_problem(quality.fps, rate, count, what)
    return [
        Measure(
            name=f"{what}s",
            value=float(count) if cycles.counted_s else None,
            unit="",
            definition=f"peaks of the low-passed {signal} (Butterworth, 9 Hz, both ways) that "
            "stand out by a third of its range in the 2 s around them (two cycles where those are "
            "longer), a sixteenth of its whole range, and eight times its noise" + note,
            origin=_RADBOUD,
            problem=missed,
        ),
        Measure(
            name="rate",
            value=rate,
            unit="Hz",
            definition="one over the mean interval; an interval is from where the movement has "
            "risen half way to one peak to where it has to the next",
            origin=_RADBOUD,
            problem=rate_problem,
        ),
        Measure(
            name="amplitude, median",
            value=_or_none(sizes, np.median),
            unit=unit,
            definition="from the mean of the lows beside it to the peak" + note,
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
            problem=_together(size_problem if count else "", rhythm_problem),
        ),
        Measure(
            name=f"{rise} speed, median",
            value=_or_none(cycles.rise, np.median),
            unit=f"{unit}/s",
            definition=f"fastest rise of the {signal} before each peak" + note,
            problem=size_problem,
        ),
        Measure(
            name=f"{fall} speed, median",
            value=_or_none(cycles.fall, np.median),
            unit=f"{unit}/s",
            definition=f"fastest fall of the {signal} after each peak" + note,
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
            value=float((intervals > longest).sum() + len(halted)) if len(intervals) else None,
            unit="",
            definition="intervals of more than 1.5 times the median, and times of more than that "
            f"from the last {what} to the end of the recording, or without one before or behind a "
            f"gap in the data; before the first {what} there is none, nor from the last one before "
            "a pause (or an outage of the source) to the first one behind it, or to the end",
            origin=_MDS,
            problem=_together(rhythm_problem, missed),
        ),
        Measure(
            name="longest interval",
            value=_or_none(np.append(intervals, halted), np.max) if len(intervals) else None,
            unit="s",
            definition=f"of those between two {what}s; where a gap in the data or the end of the "
            "recording cuts an interruption off, it was as long at least",
            problem=_together(rate_problem, missed),
        ),
        Measure(
            name=f"before the first {what}",
            value=cycles.before_s if count else None,
            unit="s",
            definition="what was recorded before it has risen half way; a late start, or the time "
            "until the participant was told to begin",
            problem=missed or ("" if count else f"no {what} was found"),
        ),
    ]


def tapping_measures(
    trajectory: Trajectory, quality: Quality, pauses_s: Sequence[Sequence[float]]
) -> Sequence[Measure]:
    """Finger tapping: thumb and index finger.

    Args:
        pauses_s: from when to when nothing was recorded.
    """
    cycles = find_cycles(trajectory.time_s, aperture(trajectory), pauses_s)
    return cycle_measures(
        cycles,
        quality,
        what="tap",
        signal="aperture",
        rise="opening",
        fall="closing",
        unit="hand lengths",
        note="; in the picture: what opens towards the camera seems smaller",
    )


def _size_problem(fps: float, rate_hz: float | None, count: int, what: str) -> str:
    if not count:
        return f"no {what} was found"
    if rate_hz is None:
        return ""
    if fps < _SAMPLES_A_CYCLE * rate_hz:
        return f"{fps:.0f} frames a second are too few for {rate_hz:.1f} {what}s a second"
    if rate_hz > _FASTEST_UNLESSENED_HZ:
        return f"too low: the low-pass at 9 Hz takes some of {rate_hz:.1f} {what}s a second"
    return ""


def _together(*problems: str) -> str:
    return "; ".join(dict.fromkeys(problem for problem in problems if problem))


def _or_none(values: NDArray[np.float64], statistic: object) -> float | None:
    return float(statistic(values)) if len(values) else None  # type: ignore[operator]
