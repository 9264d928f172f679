"""Reaching: how smooth, how fast, how straight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from monalysa.quality.smoothness import log_dimensionless_jerk, sparc
from numpy.typing import NDArray

from stream.hands.landmarks import WRIST
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import Piece, low_pass, pieces, too_slow
from stream.hands.session_table import Trajectory

_CUTOFF_HZ = 8.0
_BEGINS_AT = 0.05
_COUNTS_FROM = 0.3
_SHORTEST_S = 0.2
_LOWEST_FPS = 24.0
_MOST_CUT_OFF = 0.2
_BALASUBRAMANIAN = (
    "Balasubramanian et al., J NeuroEng Rehabil 12:112 (2015); the authors' own code (monalysa)"
)


def smoothness(speed: NDArray[np.float64], rate_hz: float) -> tuple[float, float]:
    """SPARC (cut-off 10 Hz, threshold 0.05, padding 4) and LDLJ of one movement's speed (N,)."""
    arc, _, _ = sparc(speed, rate_hz, padlevel=4, fc=10.0, amp_th=0.05)
    return float(arc), float(log_dimensionless_jerk(speed, rate_hz))


@dataclass(frozen=True, kw_only=True)
class Movements:
    """Those of one piece.

    Attributes:
        whole: from rest to rest.
        cut_at_begin, cut_at_end: whether the piece begins or ends within one.
    """

    whole: tuple[slice, ...]
    cut_at_begin: bool
    cut_at_end: bool


def movements(speed: Piece, fastest: float) -> Movements:
    """From 5 % of the fastest speed to below it again, where 30 % of it was reached between.

    Args:
        fastest: of the whole session, so that a piece of rest has none.
    """
    moving = np.concatenate([[False], speed.values > _BEGINS_AT * fastest, [False]])
    edges = np.flatnonzero(np.diff(moving.astype(int)))
    found = [
        slice(int(a), int(b))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if speed.values[a:b].max() > _COUNTS_FROM * fastest
    ]
    end = len(speed.values)
    return Movements(
        whole=tuple(
            part
            for part in found
            if part.start > 0
            and part.stop < end
            and (part.stop - part.start) / speed.rate_hz > _SHORTEST_S
        ),
        cut_at_begin=any(part.start == 0 for part in found),
        cut_at_end=any(part.stop == end for part in found),
    )


def number_cut_off(found: Sequence[Movements]) -> int:
    """Movements that a gap, or the recording's begin or end, cut off; both sides of a gap as one.

    Args:
        found: of all pieces, in their order.
    """
    begins = [one.cut_at_begin for one in found]
    ends = [one.cut_at_end for one in found]
    return sum(a or b for a, b in zip([False, *ends], [*begins, False], strict=True))


def reach_measures(trajectory: Trajectory, quality: Quality) -> Sequence[Measure]:
    """Of the wrist in the picture, in palm lengths of the median frame."""
    wrist = trajectory.points[:, WRIST, :2] / trajectory.median_palm_px
    paths = [low_pass(piece, _CUTOFF_HZ) for piece in pieces(trajectory.time_s, wrist)]
    speeds = [_speed(path) for path in paths]
    fastest = max((float(speed.values.max()) for speed in speeds), default=0.0)
    found = [movements(speed, fastest) for speed in speeds]
    arcs, jerks, peaks, times, ratios = [], [], [], [], []
    for path, speed, those in zip(paths, speeds, found, strict=True):
        for part in those.whole:
            arc, jerk = smoothness(speed.values[part], speed.rate_hz)
            arcs.append(arc)
            jerks.append(jerk)
            peaks.append(float(speed.values[part].max()))
            times.append(float(np.argmax(speed.values[part])) / speed.rate_hz)
            length = np.linalg.norm(np.diff(path.values[part], axis=0), axis=1).sum()
            span = np.linalg.norm(path.values[part] - path.values[part.start], axis=1).max()
            ratios.append(float(length / max(1e-9, span)))
    cut_off = number_cut_off(found)
    problem = quality.problem or _problem(quality.fps, len(arcs), cut_off)
    compare = "median over the movements; compare only with the same rate and task"
    rows: list[tuple[str, list[float], str, str, str]] = [
        (
            "smoothness, SPARC",
            arcs,
            "",
            f"spectral arc length of the speed; {compare}",
            _BALASUBRAMANIAN,
        ),
        ("smoothness, LDLJ", jerks, "", f"log dimensionless jerk; {compare}", _BALASUBRAMANIAN),
        ("peak speed", peaks, "palm lengths/s", "median over the movements", ""),
        ("time to peak speed", times, "s", "median over the movements", ""),
        (
            "path ratio",
            ratios,
            "",
            "path over the farthest distance from its start; 1 is straight",
            "",
        ),
    ]
    return [
        Measure(
            name="movements",
            value=float(len(arcs)),
            unit="",
            definition="from 5 % of the session's fastest speed to below it, where 30 % was "
            "reached between; only whole ones",
            problem=problem,
        ),
        *(
            Measure(
                name=name,
                value=float(np.median(values)) if values else None,
                unit=unit,
                definition=definition,
                origin=origin,
                problem=problem,
            )
            for name, values, unit, definition, origin in rows
        ),
        Measure(
            name="movements cut off",
            value=float(cut_off),
            unit="",
            definition="left out, since the hand was lost for more than 150 ms in them, or they "
            "were under way when the recording began or ended",
            problem=quality.problem,
        ),
    ]


def _speed(path: Piece) -> Piece:
    velocity = np.gradient(path.values, axis=0) * path.rate_hz
    return Piece(np.linalg.norm(velocity, axis=1), path.rate_hz, path.begin_s)


def _problem(fps: float, whole: int, cut_off: int) -> str:
    if too_slow(fps, _LOWEST_FPS):
        return f"{fps:.0f} frames a second; at least {_LOWEST_FPS:.0f} are needed"
    if cut_off > _MOST_CUT_OFF * (whole + cut_off):
        return f"{cut_off} of {whole + cut_off} movements are cut off"
    return ""
