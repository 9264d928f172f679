"""Is there a display that a window could open on?"""

import os
import re
import socket
import sys
from collections.abc import Mapping


def display_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why no window can be opened here, or None where one can.

    The window library aborts the whole process when its display does not answer, so on Linux the
    X server is asked first.
    """
    if sys.platform != "linux":
        return None
    if environment.get("WAYLAND_DISPLAY"):
        return None
    display = environment.get("DISPLAY")
    if not display:
        return "this machine has no display (DISPLAY is not set)"
    if not _answers(display):
        return f"the display {display} does not answer"
    return None


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
