"""Hands drawn into a picture: skeleton, side, joint angles, and how old all that is.

A hand that is held through blur has no joints drawn.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.frame import ProcessedFrame
from stream.hands.joint_angles import JOINTS, flexion_degrees
from stream.hands.landmarks import BONES, LANDMARKS, Hand, Side, TrackedFrame

_COLOURS: dict[Side, tuple[int, int, int]] = {"left": (80, 200, 255), "right": (255, 170, 60)}
"""RGB; told apart by those who do not see red from green."""
_RAW = (190, 190, 190)
_OLDEST_NS = 500_000_000
"""Landmarks that are older are not drawn: they would show a hand where none is any more."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Overlay:
    """Draws what was found; keeps in mind when each source last had a hand.

    Args:
        bgr: the pictures are BGR, not RGB.
    """

    def __init__(self, *, bgr: bool = False) -> None:
        self.angles = False
        self._bgr = bgr
        self._last_seen_ns: dict[str, int] = {}

    def over(self, frame: ProcessedFrame) -> NDArray[np.uint8]:
        """A frame's picture with its hands; the picture itself where none were looked for."""
        if frame.hands is None:
            return frame.pixels
        picture = frame.pixels.copy()
        self.draw(picture, frame.hands, frame.captured.captured_ns)
        return picture

    def draw(
        self,
        picture: NDArray[np.uint8],
        tracked: TrackedFrame,
        shown_ns: int,
        *,
        mirrored: bool = False,
    ) -> str:
        """Draw into the picture, in place.

        Args:
            picture: uint8 (H, W, 3), of the size of the tracked frame.
            shown_ns: capture time of the frame that the picture shows.
            mirrored: the picture is; the landmarks never are.

        Returns:
            A line about the hands: which, how old, or since when they are lost.
        """
        if shown_ns - tracked.captured_ns > _OLDEST_NS:
            return f"the tracker is {(shown_ns - tracked.captured_ns) / 1e9:.1f} s behind"
        for hand in tracked.raw or ():
            if tracked.deblurred is not None:
                self._skeleton(picture, hand, _RAW, mirrored)
        for hand in tracked.hands:
            self._skeleton(picture, hand, _COLOURS[hand.side], mirrored)
            self._label(picture, hand, mirrored)
        return self._line(tracked, shown_ns)

    def _line(self, tracked: TrackedFrame, shown_ns: int) -> str:
        behind_ms = (shown_ns - tracked.captured_ns) / 1e6
        if tracked.hands:
            self._last_seen_ns[tracked.source] = tracked.captured_ns
            sides = " and ".join(hand.side for hand in tracked.hands)
            unsure = ", held" if any(hand.held for hand in tracked.hands) else ""
            return f"{sides} hand{unsure}, {behind_ms:.0f} ms behind the picture"
        seen_ns = self._last_seen_ns.get(tracked.source)
        if seen_ns is None:
            return "no hand seen"
        return f"hand lost for {(shown_ns - seen_ns) / 1e9:.1f} s"

    def _skeleton(
        self, picture: NDArray[np.uint8], hand: Hand, rgb: tuple[int, int, int], mirrored: bool
    ) -> None:
        colour = rgb[::-1] if self._bgr else rgb
        points = _places(picture, hand, mirrored)
        thick = max(1, round(hand.palm_px / 40))
        for start, end in BONES:
            cv2.line(picture, points[start], points[end], colour, thick, cv2.LINE_AA)
        for point in () if hand.held else points:
            cv2.circle(picture, point, thick + 1, (255, 255, 255), -1, cv2.LINE_AA)

    def _label(self, picture: NDArray[np.uint8], hand: Hand, mirrored: bool) -> None:
        points = _places(picture, hand, mirrored)
        scale = max(0.4, min(picture.shape[:2]) / 1000)
        low = max(points, key=lambda point: point[1])
        _write(picture, hand.side, (low[0] - 12, low[1] + round(26 * scale)), scale)
        if self.angles:
            for joint, degrees in zip(JOINTS, flexion_degrees(hand.world), strict=True):
                x, y = points[LANDMARKS.index(joint)]
                _write(picture, f"{degrees:.0f}", (x + 4, y), 0.8 * scale)


def _places(picture: NDArray[np.uint8], hand: Hand, mirrored: bool) -> list[tuple[int, int]]:
    x, y = np.round(hand.points[:, :2]).astype(int).T
    if mirrored:
        x = picture.shape[1] - 1 - x
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _write(picture: NDArray[np.uint8], text: str, at: tuple[int, int], scale: float) -> None:
    for colour, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, text, at, _FONT, scale, colour, thick, cv2.LINE_AA)
