"""A camera's picture in a window, with what to do now."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.output.display import display_problem, prepare_windows
from stream.output.picture import write_lines
from stream.output.window import QUIT_KEYS, was_closed


class Preview:
    """One window, where there is a display and as long as it can be shown; nothing needs it.

    Args:
        title: of the window.
        say: told why there is no window, where there should be one.
    """

    def __init__(self, title: str, say: Callable[[str], None]) -> None:
        self._title = title
        self._say = say
        self._wanted = display_problem() is None
        if self._wanted:
            prepare_windows()

    def show(self, pixels: NDArray[np.uint8], lines: Sequence[str]) -> bool:
        """Show a frame, RGB, as a mirror does; False when the user has had enough."""
        if not self._wanted:
            return True
        picture = np.ascontiguousarray(pixels[:, ::-1, ::-1])  # a mirror is easier to move before
        write_lines(picture, lines)
        try:
            cv2.imshow(self._title, picture)
            return cv2.waitKey(1) & 0xFF not in QUIT_KEYS and not was_closed([self._title])
        except cv2.error as error:
            self._wanted = False
            self._say(f"going on without a preview: its window cannot be shown: {error.err}")
            return True

    def close(self) -> None:
        if self._wanted:
            with suppress(cv2.error):
                cv2.destroyAllWindows()
                cv2.waitKey(1)
