"""How far each joint bends and straightens, and how the whole hand opens and closes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream.hands.joint_angles import JOINTS, flexion_degrees, mean_flexion_degrees
from stream.hands.landmarks import FINGERS
from stream.hands.measures.coverage import unmeasured
from stream.hands.measures.cycles import find_cycles
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality
from stream.hands.measures.rhythm import cycle_measures
from stream.hands.measures.signals import low_pass, pieces
from stream.hands.session_table import Trajectory

_CUTOFF_HZ = 6.0
_LOW, _HIGH = 2.0, 98.0
_DIGITS = (
    "cameras differ from goniometers by 2 to 3 degrees in extension and 3 to 8 in flexion: "
    "J Hand Surg GO (2023)"
)


def joint_ranges(trajectory: Trajectory) -> NDArray[np.float64]:
    """(14, 2) least and most flexion of each joint in degrees, NaN where nothing was seen.

    The 2nd and 98th percentile of the low-passed angle, so that one odd frame does not count.
    """
    angles = flexion_degrees(trajectory.world)
    found = [low_pass(piece, _CUTOFF_HZ).values for piece in pieces(trajectory.time_s, angles)]
    if not found:
        return np.full((len(JOINTS), 2), np.nan)
    return np.percentile(np.concatenate(found), [_LOW, _HIGH], axis=0).T


def spoken(joint: str) -> str:
    """`index_mcp` as people write it: `index MCP`."""
    finger, part = joint.split("_")
    return f"{finger} {part.upper()}"


def range_measures(trajectory: Trajectory, quality: Quality) -> list[Measure]:
    """Least and most flexion of each joint, and each finger's total active motion."""
    ranges = joint_ranges(trajectory)
    definition = (
        "angle between the bones beside the joint, from the model's three dimensions; it has no "
        "sign: a joint that extends beyond straight shows as flexed by as much"
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
                "straight is taken for flexion",
                origin="American Society for Surgery of the Hand",
                problem=problem,
            )
        )
    return measures


def opening_measures(trajectory: Trajectory, quality: Quality) -> Sequence[Measure]:
    """Opening and closing the hand: its rhythm, then its joints."""
    cycles = find_cycles(trajectory.time_s, mean_flexion_degrees(trajectory.world))
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
