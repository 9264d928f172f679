"""Is there a display that a window could open on, and how large may the window be there?"""

import ctypes
import os
import re
import socket
import sys
from collections.abc import Mapping

from stream.capture.source import Size

_SMALL_SCREEN = Size(1366, 768)
_SCREEN_SHARE = 0.8
_MIN_WIDTH = 640


def display_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why no window can be opened here, or None where one can.

    The window library aborts the whole process when its display does not answer, so on Linux the
    X server is asked first. OpenCV's wheels have no other way to a screen, on Wayland neither.
    """
    if sys.platform != "linux":
        return None
    display = environment.get("DISPLAY")
    if not display and environment.get("WAYLAND_DISPLAY"):
        return "windows need XWayland here (DISPLAY is not set), which Wayland desktops offer"
    if not display:
        return "this machine has no display (DISPLAY is not set)"
    if not _answers(display):
        return f"the display {display} does not answer"
    return None


def screen_size() -> Size:
    """The screen in pixels; a small laptop's where nobody tells.

    X tells the sum of several monitors, so it counts as no wider than 16:9 and no higher than wide.
    """
    screen = _screen_told() or _SMALL_SCREEN
    return Size(min(screen.width, screen.height * 16 // 9), min(screen.height, screen.width))


def window_size(picture: Size, screen: Size) -> Size:
    """A window for a picture, of its ratio: at least 640 px wide, if it fits on the screen."""
    larger = max(1, round(_MIN_WIDTH / picture.width))
    scale = min(
        larger,
        _SCREEN_SHARE * screen.width / picture.width,
        _SCREEN_SHARE * screen.height / picture.height,
    )
    return Size(max(1, round(scale * picture.width)), max(1, round(scale * picture.height)))


def _screen_told() -> Size | None:
    if sys.platform == "win32":
        metrics = ctypes.windll.user32.GetSystemMetrics
        return Size(metrics(0), metrics(1))
    if sys.platform != "linux":
        return None
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return None
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if not display:
        return None
    size = Size(x11.XDisplayWidth(display, 0), x11.XDisplayHeight(display, 0))
    x11.XCloseDisplay(display)
    return size


def _answers(display: str) -> bool:
    match = re.fullmatch(r"(?P<host>.*):(?P<number>\d+)(\.\d+)?", display)
    if match is None:
        return True  # macOS launchd sockets and the like; let the window library decide
    host, number = match["host"], int(match["number"])
    try:
        if host in ("", "unix"):
            return _unix_answers(f"/tmp/.X11-unix/X{number}")
        with socket.create_connection((host, 6000 + number), timeout=2):
            return True
    except OSError:
        return False


def _unix_answers(path: str) -> bool:
    for address in (path, f"\0{path}"):  # a file, or Linux's abstract namespace
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            try:
                client.connect(address)
            except OSError:
                continue
            return True
    return False
