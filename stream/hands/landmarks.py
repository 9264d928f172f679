"""What a tracker sees: 21 points a hand, by the names of the field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
LANDMARKS: tuple[str, ...] = (
    "wrist",
    *(f"thumb_{joint}" for joint in ("cmc", "mcp", "ip", "tip")),
    *(f"{finger}_{joint}" for finger in FINGERS[1:] for joint in ("mcp", "pip", "dip", "tip")),
)
"""In the order of MediaPipe's hand model: the wrist, then each finger from its root to its tip."""
WRIST, THUMB_TIP, INDEX_MCP, INDEX_TIP, MIDDLE_MCP = (
    LANDMARKS.index(name) for name in ("wrist", "thumb_tip", "index_mcp", "index_tip", "middle_mcp")
)
BONES: tuple[tuple[int, int], ...] = (
    *(
        (0 if joint == 0 else 4 * finger + joint, 4 * finger + joint + 1)
        for finger in range(5)
        for joint in range(4)
    ),
    *((4 * finger + 1, 4 * finger + 5) for finger in range(1, 4)),
)
"""Pairs of landmarks that the skeleton joins: the fingers, then across the palm."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Hand:
    """One hand in one picture, not mirrored.

    Attributes:
        points: float32 (21, 3) in pixels of the picture: x to the right, y down, z away from the
            camera relative to the wrist (the weakest of the three).
        world: float32 (21, 3) in metres as the model estimates them, its origin in the hand.
        side: whose side it is on the filmed person, as far as the tracker knows.
        side_score: how sure the tracker is of this side in this picture, 0...1; below 0.5 it took
            the hand for the other one. It says nothing about quality.
        track: the same number for the same hand over time.
        held: it would count as lost, had it not been found a moment ago; less certain.
    """

    points: NDArray[np.float32]
    world: NDArray[np.float32]
    side: Side
    side_score: float
    track: int = 0
    held: bool = False

    def __post_init__(self) -> None:
        for name in ("points", "world"):
            if getattr(self, name).shape != (len(LANDMARKS), 3):
                raise ValueError(f"{name} are {getattr(self, name).shape}, not (21, 3)")

    @property
    def palm_px(self) -> float:
        """From the wrist to the root of the middle finger in the picture: the unit of a hand."""
        return palm_length(self.points[:, :2])

    @property
    def centre_px(self) -> NDArray[np.float32]:
        """Mean of its points in the picture, float32 (2,)."""
        return np.asarray(self.points[:, :2].mean(0), np.float32)

    def distance_px(self, other: "Hand") -> float:
        """From centre to centre in the picture."""
        return float(np.linalg.norm(self.centre_px - other.centre_px))


@dataclass(frozen=True, eq=False, kw_only=True)
class TrackedFrame:
    """What was found in one frame.

    Attributes:
        source, sequence, pts_s, captured_ns: of the frame.
        blur: the measure that decided whether to deblur, where one was taken; of the whole frame
            with :attr:`~stream.hands.tracking.HandSettings.frame_blur`.
        bypassed: the deblurred picture is the captured one.
        deblurred: hands in the picture after the engine; None where they were not looked for. Where
            ``raw`` is None and this picture showed none, those of the captured one.
        raw: hands in the picture as captured; None where they were not looked for.
        finished_ns: when the tracker was done.
        tracker_ms: how long it took.
    """

    source: str
    sequence: int
    pts_s: float
    captured_ns: int
    blur: float | None
    bypassed: bool
    deblurred: tuple[Hand, ...] | None
    raw: tuple[Hand, ...] | None
    finished_ns: int
    tracker_ms: float

    @property
    def hands(self) -> tuple[Hand, ...]:
        """Those to show: of the deblurred picture where it was looked at."""
        return (self.deblurred if self.deblurred is not None else self.raw) or ()


def nearest_hand(hand: Hand, others: Sequence[Hand], palms: float) -> Hand | None:
    """The nearest of the others, if it is within so many palm lengths of this hand."""
    near = min(others, key=hand.distance_px, default=None)
    return near if near is not None and hand.distance_px(near) < palms * hand.palm_px else None


def palm_length(points: NDArray[np.floating]) -> float:
    """From the wrist to the root of the middle finger, in the unit of ``points`` (21, 2 or 3)."""
    return float(np.linalg.norm(points[MIDDLE_MCP] - points[WRIST]))
