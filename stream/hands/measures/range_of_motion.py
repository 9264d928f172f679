"""How far each joint bends and straightens, and how the whole hand opens and closes."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from stream.hands.joint_angles import JOINTS, flexion_degrees, mean_flexion_degrees
from stream.hands.landmarks import FINGERS
from stream.hands.measures.coverage import unmeasured
from stream.hands.measures.cycles import find_cycles
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.rhythm import cycle_measures
from stream.hands.measures.signals import Piece, low_pass, pieces, upsampled
from stream.hands.session_table import Trajectory

_CUTOFF_HZ = 6.0
_FINE_HZ = 240.0
_HELD_S = 0.1
_EXTREME = (
    "least and most are those of the whole recording that were held for most of a tenth of a second"
)
_DIGITS = (
    "cameras differ from goniometers by 2 to 3 degrees in extension and 3 to 8 in flexion: "
    "J Hand Surg GO (2023)"
)


def joint_ranges(trajectory: Trajectory) -> NDArray[np.float64]:
    """(14, 2) least and most flexion of each joint in degrees, NaN where nothing was seen.

    The extremes of the low-passed angle's running median over a tenth of a second, so that neither
    an odd frame counts, nor how long a position was held. Over a quarter of a second it would take
    10 of 70 degrees from a hand that opens and closes twice a second; a tenth takes less than 2.
    Where the low-pass swings beyond the angles themselves, by 2.6 of 70 degrees behind a turn of
    0.15 s, that is cut off.
    """
    angles = flexion_degrees(trajectory.world)
    found = [_smooth_and_held(piece) for piece in pieces(trajectory.time_s, angles)]
    held = np.concatenate([np.zeros((0, len(JOINTS))), *found])
    if not len(held):
        return np.full((len(JOINTS), 2), np.nan)
    return np.stack([held.min(0), held.max(0)], axis=1)


def _smooth_and_held(piece: Piece) -> NDArray[np.float64]:
    """(M, D) what was held of the low-passed angles, no farther than was held before."""
    smooth, seen = _held(low_pass(piece, _CUTOFF_HZ)), _held(piece)
    return np.clip(smooth, seen.min(0), seen.max(0)) if len(seen) else smooth


def _held(piece: Piece) -> NDArray[np.float64]:
    """(M, D) the running median of a piece (N, D), where the whole window lies in it.

    At 240 samples a second at least, column by column: SciPy's filter of one dimension is the
    quicker by far.
    """
    fine = upsampled(piece, ceil(_FINE_HZ / piece.rate_hz))
    half = round(_HELD_S * fine.rate_hz / 2)
    held = np.stack([median_filter(column, 2 * half + 1) for column in fine.values.T], axis=1)
    return np.asarray(held[half : len(held) - half], np.float64)


def spoken(joint: str) -> str:
    """`index_mcp` as people write it: `index MCP`."""
    finger, part = joint.split("_")
    return f"{finger} {part.upper()}"


def range_measures(trajectory: Trajectory, quality: Quality) -> list[Measure]:
    """Least and most flexion of each joint, and each finger's total active motion."""
    ranges = joint_ranges(trajectory)
    definition = (
        "angle between the bones beside the joint, from the model's three dimensions; it has no "
        f"sign: a joint that extends beyond straight shows as flexed by as much; {_EXTREME}"
    )
    problem = quality.problem or (unmeasured(quality) if np.isnan(ranges).all() else "")
    measures = []
    for joint, (least, most) in zip(JOINTS, ranges.tolist(), strict=True):
        for name, value in (("least", least), ("most", most)):
            measures.append(
                Measure(
                    name=f"{spoken(joint)} flexion, {name}",
                    value=None if np.isnan(value) else value,
                    unit="°",
                    definition=definition,
                    origin=_DIGITS,
                    problem=problem,
                )
            )
    for finger in FINGERS[1:]:
        mine = [i for i, joint in enumerate(JOINTS) if joint.startswith(finger)]
        total = float(ranges[mine, 1].sum() - ranges[mine, 0].sum())
        measures.append(
            Measure(
                name=f"{finger} total active motion",
                value=None if np.isnan(total) else total,
                unit="°",
                definition="flexion of MCP, PIP and DIP at the most, less what is left of it at "
                "the least (extension deficit); the angles have no sign, so that extension beyond "
                f"straight is taken for flexion; {_EXTREME}",
                origin="American Society for Surgery of the Hand",
                problem=problem,
            )
        )
    return measures


def opening_measures(
    trajectory: Trajectory, quality: Quality, pauses_s: Sequence[Sequence[float]]
) -> Sequence[Measure]:
    """Opening and closing the hand: its rhythm, then its joints.

    Args:
        pauses_s: from when to when nothing was recorded.
    """
    cycles = find_cycles(trajectory.time_s, mean_flexion_degrees(trajectory.world), pauses_s)
    return [
        *cycle_measures(
            cycles,
            quality,
            what="closing",
            signal="mean flexion",
            rise="closing",
            fall="opening",
            unit="°",
            note="; angles have no sign: a hand that opens beyond straight seems to close",
        ),
        *range_measures(trajectory, quality),
    ]
