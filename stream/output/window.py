"""A window: before and after side by side, where the mouse divides them."""

import sys
from collections.abc import Iterable
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.capture.source import Size, SourceState, SourceStatus
from stream.errors import OutputError
from stream.frame import ProcessedFrame
from stream.hands.overlay import Overlay
from stream.output.display import (
    display_problem,
    prepare_windows,
    screen_size,
    window_size,
)
from stream.output.picture import split_view, state_picture, write_lines

_KEYS = (
    "mouse  move the line between before (left) and after (right)",
    "c  compare on/off     m  mirror",
    "s  statistics         f  full screen",
    "j  angles of the hand's joints",
    "h  this help          q  quit",
)
_FLAGS = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
_SAME_RATIO = 0.01
QUIT_KEYS = (ord("q"), 27)


class WindowControls(Protocol):
    """What the window asks of the run that it belongs to.

    Attributes:
        keys: lines of the help, on keys that the window has no use for itself.
    """

    keys: tuple[str, ...]

    def statuses(self) -> list[SourceStatus]: ...

    def statistics_lines(self) -> list[str]:
        """The state of the run in a few short lines."""
        ...

    def banner(self) -> str:
        """What goes on, for all to see; empty where nothing needs saying."""
        ...

    def pressed(self, key: str) -> None:
        """A key that the window has no use for itself."""
        ...

    def quit(self) -> None: ...


class Window:
    """One window a source. Lives on the main thread, as window libraries demand.

    Args:
        mirrored: show pictures as a mirror does, which people who see themselves expect.

    Raises:
        OutputError: there is no display.
    """

    uri = "window"
    every_frame = False
    main_thread = True

    def __init__(self, *, mirrored: bool = False) -> None:
        problem = display_problem()
        if problem is not None:
            raise OutputError(f"no window: {problem}; record instead, with --to out.mp4")
        prepare_windows()
        self.controls: WindowControls | None = None
        self._split = 0.5
        self._compare = True
        self._statistics = True
        self._help = False
        self._full_screen = False
        self._mirrored = mirrored
        self._overlay = Overlay(bgr=True)
        self._open: dict[str, str] = {}
        self._shown: dict[str, NDArray[np.uint8]] = {}
        self._ratios: dict[str, float] = {}

    def write(self, frame: ProcessedFrame) -> None:
        source = frame.captured.source
        off = frame.bypassed and frame.blur is None  # nothing to compare
        split = self._split if self._compare and not off else 0.0
        before, after = frame.captured.pixels, frame.pixels
        picture = split_view(before, after, split, mirrored=self._mirrored)
        self._shown[source] = picture
        shown = picture.copy()
        lines: list[str] = []
        if self._statistics and self.controls is not None:
            lines = self.controls.statistics_lines()
        if frame.hands is not None:
            shown_ns = frame.captured.captured_ns
            line = self._overlay.draw(shown, frame.hands, shown_ns, mirrored=self._mirrored)
            lines = [*lines, line]
        if self._statistics:
            write_lines(shown, lines)
        write_lines(shown, self._foot(), bottom=True)
        self._show(source, shown, keep_ratio=True)
        self._handle_keys()

    def _foot(self) -> list[str]:
        """The help where it was asked for, and what goes on."""
        own = list(_KEYS) if self._help else []
        if self.controls is None:
            return own
        keys = self.controls.keys if self._help else ()
        return [*keys, *own, *filter(None, [self.controls.banner()])]

    def idle(self) -> None:
        if self.controls is not None:
            for status in self.controls.statuses():
                if status.state not in (SourceState.LIVE, SourceState.ENDED):
                    last = self._shown.get(status.name)
                    picture = state_picture(last, status.state.value, [status.reason or status.uri])
                    self._show(status.name, picture)
        self._handle_keys()

    def close(self) -> None:
        cv2.destroyAllWindows()
        cv2.waitKey(1)

    def _show(self, source: str, picture: NDArray[np.uint8], *, keep_ratio: bool = False) -> None:
        try:
            if source not in self._open:
                self._open[source] = f"blur2blur - {source} (h: help)"
                cv2.namedWindow(self._open[source], _FLAGS)
                self._resize(source, picture)
                cv2.setMouseCallback(self._open[source], self._mouse, source)
            cv2.imshow(self._open[source], picture)
            if keep_ratio:
                self._keep_ratio(source, picture)
        except cv2.error as error:
            raise OutputError(
                f"the window cannot be shown: {error.err}; try --to out.mp4"
            ) from None

    def _keep_ratio(self, source: str, picture: NDArray[np.uint8]) -> None:
        """Fit the window to pictures whose width:height is another than of those before.

        Qt stretches a picture into the ratio of the one that the window was last resized with.
        """
        ratio = picture.shape[1] / picture.shape[0]
        if abs(self._ratios.get(source, 0.0) / ratio - 1) < _SAME_RATIO:
            return
        self._ratios[source] = ratio
        if self._full_screen:  # which takes no other size
            self._set_full_screen(source, False)
        self._resize(source, picture)
        if self._full_screen:
            self._set_full_screen(source, True)

    def _resize(self, source: str, picture: NDArray[np.uint8]) -> None:
        height, width = picture.shape[:2]
        size = window_size(Size(width, height), screen_size())
        cv2.resizeWindow(self._open[source], size.width, size.height)

    def _set_full_screen(self, source: str, on: bool) -> None:
        mode = cv2.WINDOW_FULLSCREEN if on else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(self._open[source], cv2.WND_PROP_FULLSCREEN, mode)

    def _mouse(self, event: int, x: int, _y: int, _flags: int, source: Any) -> None:
        if event == cv2.EVENT_MOUSEMOVE and source in self._shown:
            self._split = x / max(1, self._shown[source].shape[1])

    def _handle_keys(self) -> None:
        key = cv2.waitKey(1) & 0xFF if self._open else 0xFF
        if key in QUIT_KEYS or was_closed(self._open.values()):
            self._quit()
        elif key == ord("c"):
            self._compare = not self._compare
        elif key == ord("s"):
            self._statistics = not self._statistics
        elif key == ord("h"):
            self._help = not self._help
        elif key == ord("m"):
            self._mirrored = not self._mirrored
        elif key == ord("j"):
            self._overlay.angles = not self._overlay.angles
        elif key == ord("f"):
            self._full_screen = not self._full_screen
            for source in self._open:
                self._set_full_screen(source, self._full_screen)
        elif key != 0xFF and self.controls is not None:
            self.controls.pressed(chr(key))

    def _quit(self) -> None:
        if self.controls is not None:
            self.controls.quit()


def was_closed(titles: Iterable[str]) -> bool:
    """Whether the user closed one of OpenCV's windows with its own button.

    They have none on macOS, and those in the Dock count as invisible there.
    """
    if sys.platform == "darwin":
        return False
    try:
        return any(cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1 for title in titles)
    except cv2.error:  # Qt ends with its last window, and is then asked in vain
        return True
