"""Flexion of the fingers' joints, from landmarks in metres."""

import numpy as np
from numpy.typing import NDArray

from stream.hands.landmarks import FINGERS, LANDMARKS

JOINTS: tuple[str, ...] = (
    "thumb_mcp",
    "thumb_ip",
    *(f"{finger}_{joint}" for finger in FINGERS[1:] for joint in ("mcp", "pip", "dip")),
)
_TRIPLES: tuple[tuple[int, int, int], ...] = tuple(
    (
        0 if name.endswith("mcp") and not name.startswith("thumb") else LANDMARKS.index(name) - 1,
        LANDMARKS.index(name),
        LANDMARKS.index(name) + 1,
    )
    for name in JOINTS
)


def flexion_degrees(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """The angle by which each joint is bent: between the bone before it and the bone after it.

    0 is straight, 90 a right angle; overextension is not told from flexion. The bone before a
    finger's MCP joint is the line from the wrist. Where points are missing (NaN), so is the angle.

    Args:
        points: (..., 21, 3), any unit.

    Returns:
        (..., 14), in the order of :data:`JOINTS`.
    """
    before, joint, after = (points[..., list(column), :] for column in zip(*_TRIPLES, strict=True))
    first, second = joint - before, after - joint
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = (first * second).sum(-1) / lengths
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.float64)


def mean_flexion_degrees(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(...) how closed the hand is: the mean over the four fingers' joints, without the thumb."""
    fingers = [i for i, joint in enumerate(JOINTS) if not joint.startswith("thumb")]
    return np.asarray(flexion_degrees(points)[..., fingers].mean(-1), np.float64)
