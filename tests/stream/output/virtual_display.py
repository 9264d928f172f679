"""A display of an X server that shows its pixels to nobody."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT


@contextmanager
def virtual_display(*options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its name, and the server's process."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("needs Xvfb and xdotool (Debian packages xvfb, xdotool)")
    ready, tells = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tells), "-noreset", "-screen", "0", "800x600x24", *options],
        pass_fds=[tells],
    )
    os.close(tells)
    try:
        with os.fdopen(ready) as number:  # told when it listens; one before it may have left a file
            name = f":{number.readline().strip()}"
        yield name, server
    finally:
        server.terminate()
        server.wait()


class _ClientMessage(ctypes.Structure):
    """XClientMessageEvent, as large as an XEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 17),
    )


def click_x(display: str, name: str) -> None:
    """Tell the window of that name what a desktop tells one whose X is clicked (ICCCM 4.2.8.1)."""
    found = subprocess.run(
        ["xdotool", "search", "--name", name],
        env={**os.environ, "DISPLAY": display}, capture_output=True, check=True,
    )  # fmt: skip
    window = int(found.stdout.split()[0])
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    connection = ctypes.c_void_p(x11.XOpenDisplay(display.encode()))
    protocols, delete = (
        x11.XInternAtom(connection, name, False) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")
    )
    client_message = 33
    message = _ClientMessage(client_message, 0, 1, None, window, protocols, 32)
    message.data[0] = delete
    x11.XSendEvent(connection, ctypes.c_ulong(window), False, 0, ctypes.byref(message))
    x11.XCloseDisplay(connection)


def ended_by_its_x(display: str, program: str, title: str) -> int:
    """The exit status of a Python program that shows a window, of which the X is clicked.

    Args:
        program: prints ``shown`` once its window is there.
    """
    run = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "DISPLAY": display}, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert run.stdout is not None
        assert run.stdout.readline() == "shown\n"
        click_x(display, title)
        return run.wait(10)
    finally:
        run.kill()
        run.wait()
