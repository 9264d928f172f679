"""Reaching: how smooth, how fast, how straight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from monalysa.quality.smoothness import log_dimensionless_jerk, sparc
from numpy.typing import NDArray

from stream.hands.landmarks import WRIST
from stream.hands.measures.coverage import uncounted, unmeasured
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import (
    Piece,
    low_pass,
    noise_left,
    pieces,
    too_slow,
    upsampled,
)
from stream.hands.session_table import Trajectory

_CUTOFF_HZ = 8.0
_UPSAMPLE = 8  # a hand that turns without a rest is slow for less than a frame
_BEGINS_AT = 0.05
_COUNTS_FROM = 0.3
_BEGINS_OVER_NOISE = 2.0
_COUNTS_OVER_NOISE = 4.0
_LEAST_WAY = 0.3
_SHORTEST_S = 0.2
_LOWEST_FPS = 24.0
_LEAST_FRAMES = 4  # which every movement has at 24 a second
_MOST_CUT_OFF = 0.2
_MOST_NOISE = 0.5  # of the squared jerk: LDLJ is then 0.7 too low
_SEEN = "in the picture (what the wrist moves towards the camera is not seen)"
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


def movements(path: Piece, speed: Piece, fastest: float, noise: float) -> Movements:
    """From 5 % of the fastest speed to below it again, where 30 % of it was reached between.

    It reaches four times the noise's speed, begins and ends at no less than twice that, and a whole
    one leads 0.3 of a palm length away: a hand that lies still makes none.

    Args:
        path: (N, 2), palm lengths.
        speed: (N,) of it.
        fastest: of the whole session, so that a piece of rest has none.
        noise: the speed that noise alone gives a hand at rest (root mean square).
    """
    begins_at = max(_BEGINS_AT * fastest, _BEGINS_OVER_NOISE * noise)
    counts_from = max(_COUNTS_FROM * fastest, _COUNTS_OVER_NOISE * noise)
    moving = np.concatenate([[False], speed.values > begins_at, [False]])
    edges = np.flatnonzero(np.diff(moving.astype(int)))
    found = [
        slice(int(a), int(b))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if speed.values[a:b].max() > counts_from
    ]
    end = len(speed.values)
    return Movements(
        whole=tuple(
            part
            for part in found
            if part.start > 0
            and part.stop < end
            and (part.stop - part.start) / speed.rate_hz > _SHORTEST_S
            and _farthest(path.values[part]) > _LEAST_WAY
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
    seen = pieces(trajectory.time_s, wrist)
    smooth = [low_pass(piece, _CUTOFF_HZ) for piece in seen]
    paths = [upsampled(path, _UPSAMPLE) for path in smooth]
    speeds = [_speed(path) for path in paths]
    fastest = max((float(speed.values.max()) for speed in speeds), default=0.0)
    noises = [noise_left(piece, path, _CUTOFF_HZ) for piece, path in zip(seen, smooth, strict=True)]
    found = [
        movements(path, speed, fastest, _noise_speed(noise))
        for path, speed, noise in zip(paths, speeds, noises, strict=True)
    ]
    arcs, jerks, noisy, peaks, times, ratios = [], [], [], [], [], []
    for noise, path, speed, between, those in zip(
        noises, paths, speeds, (_speed(path, _UPSAMPLE) for path in paths), found, strict=True
    ):
        for part in those.whole:
            of_frames = _at_frames(between, part)
            if len(of_frames.values) >= _LEAST_FRAMES:
                arc, jerk = smoothness(of_frames.values, of_frames.rate_hz)
                arcs.append(arc)
                jerks.append(jerk)
                noisy.append(_share_of_noise(of_frames.values, noise, of_frames.rate_hz))
            peaks.append(float(speed.values[part].max()))
            times.append(float(np.argmax(speed.values[part])) / speed.rate_hz)
            length = np.linalg.norm(np.diff(path.values[part], axis=0), axis=1).sum()
            ratios.append(float(length / _farthest(path.values[part])))
    cut_off = number_cut_off(found)
    nothing = quality.problem or ("" if paths else unmeasured(quality))
    problem = nothing or _problem(quality.fps, len(peaks), cut_off)
    missed = uncounted(sum(path.duration_s for path in paths), quality)
    none = "" if peaks else "no whole movement was found"
    compare = "median over the movements; compare only with the same rate and task"
    rows: list[tuple[str, list[float], str, str, str, str]] = [
        (
            "smoothness, SPARC",
            arcs,
            "",
            f"spectral arc length of the speed, {_SEEN}; {compare}",
            _BALASUBRAMANIAN,
            none,
        ),
        (
            "smoothness, LDLJ",
            jerks,
            "",
            f"log dimensionless jerk, {_SEEN}; noise of the landmarks lowers it, the more the "
            f"slower the movement and the smaller the hand in the picture; {compare}",
            _BALASUBRAMANIAN,
            none or _problem_of_noise(noisy),
        ),
        ("peak speed", peaks, "palm lengths/s", f"median over the movements, {_SEEN}", "", none),
        ("time to peak speed", times, "s", "median over the movements", "", none),
        (
            "path ratio",
            ratios,
            "",
            f"path over the farthest distance from its start, {_SEEN}; 1 is straight",
            "",
            none,
        ),
    ]
    return [
        Measure(
            name="movements",
            value=float(len(peaks)) if paths else None,
            unit="",
            definition="from 5 % of the session's fastest speed to below it, where 30 % was "
            "reached between; whole ones only, that lead 0.3 palm lengths away and are four times "
            f"as fast as noise lets a hand at rest seem; {_SEEN}",
            problem=problem or missed,
        ),
        *(
            Measure(
                name=name,
                value=float(np.median(values)) if values else None,
                unit=unit,
                definition=definition,
                origin=origin,
                problem=problem or own_problem,
            )
            for name, values, unit, definition, origin, own_problem in rows
        ),
        Measure(
            name="movements cut off",
            value=float(cut_off) if paths else None,
            unit="",
            definition="left out, since the hand was lost for more than 150 ms in them, or they "
            "were under way when the recording began or ended",
            problem=nothing,
        ),
    ]


def _at_frames(speed: Piece, part: slice) -> Piece:
    """A part of it in steps of about a frame, from its very begin to its end.

    In steps that are the frames' own up to one is lost at each end, where the jerk is large: LDLJ
    is then 0.3 to 0.6 higher, by where the frames fall.
    """
    steps = part.stop - 1 - part.start
    count = round(steps / _UPSAMPLE) + 1
    at = np.linspace(part.start, part.stop - 1, count)
    values = np.interp(at, np.arange(part.start, part.stop), speed.values[part])
    return Piece(values, speed.rate_hz * (count - 1) / steps, float(speed.time_s[part.start]))


def _farthest(path: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(path - path[0], axis=1).max())


def _noise_speed(noise: float) -> float:
    """The speed, in two dimensions, of noise that is even up to the cut-off (root mean square).

    Args:
        noise: of the position in each dimension, standard deviation.
    """
    slope = 2 * np.pi * _CUTOFF_HZ / np.sqrt(3)
    return float(np.sqrt(2) * slope * noise)


def _share_of_noise(speed: NDArray[np.float64], noise: float, rate_hz: float) -> float:
    """How much of the squared jerk is that of noise which is even up to the cut-off.

    Args:
        speed: (N,) of a movement.
        noise: of the position along it, standard deviation.
    """
    angle = np.pi * np.linspace(0, _CUTOFF_HZ, 100) / rate_hz
    of_noise = noise**2 * np.mean((np.sin(2 * angle) * rate_hz * (2 * np.sin(angle)) ** 2) ** 2)
    return float(of_noise / np.mean(np.diff(speed, 2) ** 2))


def _speed(path: Piece, over: int = 1) -> Piece:
    """Of each sample, from so many before it to as many behind it.

    Over a frame each way noise of the landmarks moves LDLJ half as far as over an eighth of one.
    """
    here = np.arange(len(path.values))
    before, behind = np.maximum(here - over, 0), np.minimum(here + over, here[-1])
    ways = np.linalg.norm(path.values[behind] - path.values[before], axis=1)
    return Piece(ways * path.rate_hz / (behind - before), path.rate_hz, path.begin_s)


def _problem_of_noise(shares: list[float]) -> str:
    share = float(np.median(shares)) if shares else 0.0
    if share <= _MOST_NOISE:
        return ""
    return f"too low: noise of the landmarks makes up {min(share, 1.0):.0%} of the squared jerk"


def _problem(fps: float, whole: int, cut_off: int) -> str:
    if too_slow(fps, _LOWEST_FPS):
        return f"{fps:.0f} frames a second; at least {_LOWEST_FPS:.0f} are needed"
    if cut_off > _MOST_CUT_OFF * (whole + cut_off):
        return f"{cut_off} of {whole + cut_off} movements are cut off"
    return ""
