"""Reaching: how smooth, how fast, how straight."""

from collections.abc import Sequence

import numpy as np
from monalysa.quality.smoothness import log_dimensionless_jerk, sparc
from numpy.typing import NDArray

from stream.hands.landmarks import WRIST
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import Piece, low_pass, pieces
from stream.hands.session_table import Trajectory

_CUTOFF_HZ = 8.0
_BEGINS_AT = 0.05
_COUNTS_FROM = 0.3
_SHORTEST_S = 0.2
_LOWEST_FPS = 24.0
_BALASUBRAMANIAN = (
    "Balasubramanian et al., J NeuroEng Rehabil 12:112 (2015); the authors' own code (monalysa)"
)


def smoothness(speed: NDArray[np.float64], rate_hz: float) -> tuple[float, float]:
    """SPARC (cut-off 10 Hz, threshold 0.05, padding 4) and LDLJ of one movement's speed (N,)."""
    arc, _, _ = sparc(speed, rate_hz, padlevel=4, fc=10.0, amp_th=0.05)
    return float(arc), float(log_dimensionless_jerk(speed, rate_hz))


def movements(speed: Piece) -> list[slice]:
    """From 5 % of the fastest speed to below it again, where 30 % of it was reached between."""
    fastest = float(speed.values.max(initial=0.0))
    moving = np.concatenate([[False], speed.values > _BEGINS_AT * fastest, [False]])
    edges = np.flatnonzero(np.diff(moving.astype(int)))
    found = [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [
        part
        for part in found
        if speed.values[part].max() > _COUNTS_FROM * fastest
        and (part.stop - part.start) / speed.rate_hz > _SHORTEST_S
    ]


def reach_measures(trajectory: Trajectory, quality: Quality) -> Sequence[Measure]:
    """Of the wrist in the picture, in palm lengths of the median frame."""
    points = trajectory.points[:, :, :2]
    palm = trajectory.median_palm_px
    arcs, jerks, peaks, times, ratios = [], [], [], [], []
    for piece in pieces(trajectory.time_s, points[:, WRIST] / palm):
        path = low_pass(piece, _CUTOFF_HZ)
        velocity = np.gradient(path.values, axis=0) * path.rate_hz
        speed = Piece(np.linalg.norm(velocity, axis=1), path.rate_hz, path.begin_s)
        for part in movements(speed):
            arc, jerk = smoothness(speed.values[part], speed.rate_hz)
            arcs.append(arc)
            jerks.append(jerk)
            peaks.append(float(speed.values[part].max()))
            times.append(float(np.argmax(speed.values[part])) / speed.rate_hz)
            length = np.linalg.norm(np.diff(path.values[part], axis=0), axis=1).sum()
            span = np.linalg.norm(path.values[part] - path.values[part.start], axis=1).max()
            ratios.append(float(length / max(1e-9, span)))
    problem = quality.problem
    if not problem and quality.fps < _LOWEST_FPS:
        problem = f"{quality.fps:.0f} frames a second; at least {_LOWEST_FPS:.0f} are needed"
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
            definition="from 5 % of the fastest speed to below it, where 30 % was reached between",
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
    ]
