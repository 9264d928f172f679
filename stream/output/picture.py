"""What a window shows, drawn as pictures: before and after, text, states."""

import textwrap
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE = (255, 255, 255)
_STATE_BACKGROUND = 24
_STATE_WIDTH = 640
_LINE_LETTERS = 80


def split_view(
    before: NDArray[np.uint8], after: NDArray[np.uint8], split: float, *, mirrored: bool = False
) -> NDArray[np.uint8]:
    """The camera's picture left of ``split`` (0...1 of the width), the deblurred one right of it.

    Args:
        mirrored: show both as a mirror does; the sides of the line stay.

    Returns:
        uint8 (H, W, 3) BGR, for OpenCV's windows.
    """
    if mirrored:
        before, after = before[:, ::-1], np.ascontiguousarray(after[:, ::-1])
    picture = np.asarray(cv2.cvtColor(after, cv2.COLOR_RGB2BGR), np.uint8)
    width = picture.shape[1]
    edge = round(min(max(split, 0.0), 1.0) * width)
    if edge > 0:
        picture[:, :edge] = before[:, :edge, ::-1]
        if edge < width:
            picture[:, edge : edge + 1] = 255
    return picture


def write_lines(picture: NDArray[np.uint8], lines: Sequence[str], *, bottom: bool = False) -> None:
    """Write lines of text on a darkened strip, in place, at the top or at the bottom."""
    if not lines:
        return
    scale = max(0.4, min(picture.shape[0], picture.shape[1]) / 1000)
    line_px = round(32 * scale)
    height = min(line_px * len(lines) + line_px // 2, picture.shape[0])
    top = picture.shape[0] - height if bottom else 0
    strip = picture[top : top + height]
    strip[:] = strip // 3
    for number, line in enumerate(lines):
        at = (line_px // 2, top + line_px * (number + 1))
        cv2.putText(picture, line, at, _FONT, scale, _WHITE, max(1, round(scale)), cv2.LINE_AA)


def state_picture(
    last: NDArray[np.uint8] | None, title: str, lines: Sequence[str]
) -> NDArray[np.uint8]:
    """What stands in for a source that gives nothing: its last picture in the dark, and why.

    Args:
        last: uint8 (H, W, 3) BGR, or None where there was no picture yet.

    Returns:
        uint8 (H, W, 3) BGR, at least 640 px wide so that it can be read.
    """
    picture = np.full((480, _STATE_WIDTH, 3), _STATE_BACKGROUND, np.uint8)
    if last is not None:
        grey = np.asarray(cv2.cvtColor(last, cv2.COLOR_BGR2GRAY), np.uint8) // 3
        if grey.shape[1] < _STATE_WIDTH:
            height = max(1, round(grey.shape[0] * _STATE_WIDTH / grey.shape[1]))
            grey = np.asarray(cv2.resize(grey, (_STATE_WIDTH, height)), np.uint8)
        picture = np.repeat(grey[:, :, None], 3, axis=2)
    height, width = picture.shape[:2]
    scale = max(0.5, min(height, width) / 400)
    (title_width, title_height), _ = cv2.getTextSize(title, _FONT, scale, 2)
    at = (max(0, (width - title_width) // 2), (height + title_height) // 2)
    cv2.putText(picture, title, at, _FONT, scale, _WHITE, max(1, round(2 * scale)), cv2.LINE_AA)
    wrapped = [part for line in lines for part in textwrap.wrap(line, _LINE_LETTERS)]
    write_lines(picture, wrapped, bottom=True)
    return picture
