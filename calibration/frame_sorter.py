"""Frames of a clip, judged one by one as soon as their neighbours are known."""

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.acuity import Judgement, Look, judge, look_at
from calibration.recording import Picture, RecordingRule


class FrameSorter:
    """Judges the frames of one clip, each once its neighbours on both sides are known.

    Holds the frames of ``around_s`` seconds, as PNG.
    """

    def __init__(self, rule: RecordingRule) -> None:
        self._rule = rule
        self._looks: deque[Look] = deque()
        self._waiting: deque[tuple[Look, NDArray[np.uint8]]] = deque()

    def add(self, at_s: float, pixels: Picture) -> Iterator[tuple[float, Picture, Judgement]]:
        """Take the next frame; gives those before it that can be judged now."""
        look = look_at(pixels, at_s)
        encoded, data = cv2.imencode(".png", pixels)  # OpenCV's own settings are the quickest
        assert encoded
        self._waiting.append((look, data))
        self._looks.append(look)
        while self._waiting and at_s - self._waiting[0][0].at_s >= self._rule.around_s:
            yield self._judge()

    def rest(self) -> Iterator[tuple[float, Picture, Judgement]]:
        """The frames that are left when the clip is over."""
        while self._waiting:
            yield self._judge()

    def _judge(self) -> tuple[float, Picture, Judgement]:
        look, data = self._waiting.popleft()
        around_s = self._rule.around_s
        while self._looks[0].at_s < look.at_s - around_s:
            self._looks.popleft()
        near = [
            other
            for other in self._looks
            if other.at_s <= look.at_s + around_s and other.fine.shape == look.fine.shape
        ]
        pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return look.at_s, pixels, judge(look, near, self._rule.acuity)
