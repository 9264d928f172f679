"""Is there a display that a window could open on, and how large may the window be there?"""

import ctypes
import os
import re
import socket
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from stream.capture.source import Size

_SMALL_SCREEN = Size(1366, 768)
_SCREEN_SHARE = 0.8
_MIN_WIDTH = 640


def display_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why no window can be opened here, or None where one can.

    The window library aborts the whole process where its display does not answer or turns us away,
    so on Linux the X server is asked first. OpenCV's wheels have no other way to a screen, on
    Wayland neither.
    """
    if sys.platform != "linux":
        return None
    display = environment.get("DISPLAY")
    if not display and environment.get("WAYLAND_DISPLAY"):
        return "windows need XWayland here (DISPLAY is not set), which Wayland desktops offer"
    if not display:
        return "this machine has no display (DISPLAY is not set)"
    try:
        with _connection(display):
            let_in = _lets_in(display)
    except OSError:
        return f"the display {display} does not answer"
    if not let_in:
        return (
            f"the display {display} does not let us in; let XAUTHORITY name the file with the "
            "cookie of the user who sits there"
        )
    return None


def prepare_windows() -> None:
    """Make Qt, which draws OpenCV's windows, ready for the first of them: it aborts otherwise."""
    # Qt warns on every start where OpenCV's wheel brings it no fonts; none are used.
    if not os.path.isdir(os.environ.get("QT_QPA_FONTDIR", "")):
        os.environ["QT_QPA_FONTDIR"] = str(Path(__file__).parent)
    if sys.platform == "linux":  # what desktops set, as wayland, is not in OpenCV's wheel
        os.environ["QT_QPA_PLATFORM"] = "xcb"


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
    x11 = _x11()
    if x11 is None:
        return None
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if not display:
        return None
    size = Size(x11.XDisplayWidth(display, 0), x11.XDisplayHeight(display, 0))
    x11.XCloseDisplay(display)
    return size


def _lets_in(display: str) -> bool:
    """Whether the X server takes us for one who may open windows.

    The connection is kept: a server without a desktop starts anew when its last client leaves, and
    would turn away the window that comes next.
    """
    x11 = _x11()
    return x11 is None or bool(x11.XOpenDisplay(os.fsencode(display)))


def _x11() -> ctypes.CDLL | None:
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return None
    x11.XOpenDisplay.restype = ctypes.c_void_p
    return x11


def _connection(display: str) -> AbstractContextManager[object]:
    """A connection to the X server, before it was asked anything.

    Raises:
        OSError: it does not answer.
    """
    match = re.fullmatch(r"(?P<host>.*):(?P<number>\d+)(\.\d+)?", display)
    if match is None:
        return nullcontext()  # macOS launchd sockets and the like; let the window library decide
    host, number = match["host"], int(match["number"])
    if host not in ("", "unix"):
        return socket.create_connection((host, 6000 + number), timeout=2)
    path = f"/tmp/.X11-unix/X{number}"
    try:
        return _unix_connection(path)
    except OSError:
        return _unix_connection(f"\0{path}")  # Linux's abstract namespace


def _unix_connection(address: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    try:
        client.settimeout(2)
        client.connect(address)
    except OSError:
        client.close()
        raise
    return client
