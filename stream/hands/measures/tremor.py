"""The frequency of a tremor at rest. Its size is not to be relied on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream.hands.landmarks import INDEX_TIP
from stream.hands.measures.coverage import uncounted
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import Piece, pieces, slowest_rate, too_slow
from stream.hands.measures.spectrum import LOWEST_HZ, Peak, spectrum, strongest, tremor_peak
from stream.hands.session_table import Trajectory, median_rate

_HIGHEST_HZ = 12.0
_LEAST_S = 10.0
_LOWEST_FPS = 20.0  # at fewer, a tremor of 12 Hz is folded into what is looked at
_HIGHEST_OF_RATE = 0.4
_NEAR_HIGHEST_HZ = 1.0
_NOT_VALID = (
    "pictures give a tremor's frequency, not its size: Sci Rep (2025), s41598-025-97252-4, found "
    "the accuracy of the amplitude insufficient for clinical use"
)
_GUNEY = "after Güney et al., Sensors 22:7992 (2022)"


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """What was found in one piece.

    Attributes:
        rate_hz: frames a second where they were fewest.
        highest_hz: to where that let one look.
        amplitude: of a sine with the power from 3 Hz to there.
    """

    duration_s: float
    rate_hz: float
    highest_hz: float
    peak: Peak | None
    amplitude: float


def tremor_measures(trajectory: Trajectory, quality: Quality) -> Sequence[Measure]:
    """Of the index finger's tip, in palm lengths of the median frame."""
    tip = trajectory.points[:, INDEX_TIP, :2] / trajectory.median_palm_px
    long = [piece for piece in pieces(trajectory.time_s, tip) if piece.duration_s >= _LEAST_S]
    rates = [_slowest_rate(trajectory, piece) for piece in long]
    looked = [
        _look(piece, rate_hz)
        for piece, rate_hz in zip(long, rates, strict=True)
        if not too_slow(rate_hz, _LOWEST_FPS)
    ]
    best = _best(looked)
    if best is not None:
        problem = _problem(best, sum(one.duration_s for one in looked), quality)
    else:
        problem = _unlooked(median_rate(np.unique(trajectory.time_s)), rates)
    return [
        Measure(
            name="tremor frequency",
            value=best.peak.frequency_hz if best and best.peak else None,
            unit="Hz",
            definition="strongest peak between 3 and 12 Hz of the power spectrum (Welch, 4 s "
            "windows) of the index finger's tip along its main axis in the picture, of all pieces "
            "of 10 s or more without gaps; it stands out six times from the power below and above "
            "it, and is no multiple of a stronger rhythm",
            origin=_GUNEY,
            problem=quality.problem or problem,
        ),
        Measure(
            name="tremor amplitude",
            value=best.amplitude if best else None,
            unit="palm lengths",
            definition="of a sine wave with the power between 3 and 12 Hz in the same piece",
            problem=_NOT_VALID if best else quality.problem or problem,
        ),
    ]


def _unlooked(usual_hz: float, slowest_hz: list[float]) -> str:
    """Why no piece was looked at.

    Args:
        usual_hz: the session's frames a second.
        slowest_hz: of each long piece, where they were fewest.
    """
    rate_hz = min([usual_hz, *slowest_hz])
    if not rate_hz or not too_slow(rate_hz, _LOWEST_FPS):
        return f"no {_LEAST_S:.0f} s without a gap"
    down_to = "down to " if too_slow(rate_hz, usual_hz) else ""
    return f"{down_to}{rate_hz:.0f} frames a second; at least {_LOWEST_FPS:.0f} are needed"


def _slowest_rate(trajectory: Trajectory, piece: Piece) -> float:
    times = trajectory.time_s[trajectory.detected]
    within = (times >= piece.begin_s) & (times <= piece.begin_s + piece.duration_s)
    return slowest_rate(times[within])


def _look(piece: Piece, rate_hz: float) -> _Looked:
    frequency, power = spectrum(piece)
    highest_hz = min(_HIGHEST_HZ, _HIGHEST_OF_RATE * rate_hz)
    band = (frequency >= LOWEST_HZ) & (frequency <= highest_hz)
    return _Looked(
        duration_s=piece.duration_s,
        rate_hz=rate_hz,
        highest_hz=highest_hz,
        peak=tremor_peak(frequency, power, highest_hz),
        amplitude=float(np.sqrt(2 * power[band].sum() * frequency[1])),
    )


def _best(looked: list[_Looked]) -> _Looked | None:
    """The piece with the strongest tremor; where there is none, the longest."""
    peak = strongest([one.peak for one in looked if one.peak is not None])
    return max(looked, key=lambda one: (one.peak is peak, one.duration_s), default=None)


def _problem(best: _Looked, looked_s: float, quality: Quality) -> str:
    is_limited = too_slow(best.highest_hz, _HIGHEST_HZ)
    limited = f"at {best.rate_hz:.0f} frames a second only to {best.highest_hz:.0f} Hz"
    if best.peak is None:
        none = f"no frequency stands out between {LOWEST_HZ:.0f} and {best.highest_hz:.0f} Hz"
        more = f"at {best.rate_hz:.0f} frames a second no higher one is to be seen"
        part = uncounted(looked_s, quality)
        return "; ".join([none, *[more] * is_limited, *[part] * bool(part)])
    if best.peak.base_hz is not None:
        return f"may be an overtone of a movement at {best.peak.base_hz:.1f} Hz"
    near_limit = best.peak.frequency_hz > best.highest_hz - _NEAR_HIGHEST_HZ
    return limited if is_limited and near_limit else ""
