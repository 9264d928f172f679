"""Whether a window can be had, and how large."""

import os
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import av.error
import pytest

from stream.capture.source import Size
from stream.output.display import display_problem, window_size
from tests.conftest import blur2blur, read_clip
from tests.stream.output.virtual_display import virtual_display

COOKIE = bytes(range(16))


def cookie_file(path: Path, display: str, cookie: bytes) -> Path:
    """As ``xauth`` writes it (Xau(3)), for any host."""
    parts = (b"", display.removeprefix(":").encode(), b"MIT-MAGIC-COOKIE-1", cookie)
    path.write_bytes(b"\xff\xff" + b"".join(struct.pack(">H", len(p)) + p for p in parts))
    return path


def frames_recorded(path: Path) -> int:
    with suppress(OSError, IndexError, av.error.FFmpegError):
        return len(read_clip(path))
    return 0


def test_display_that_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert "does not answer" in str(display_problem({"DISPLAY": ":4242"}))
    wayland = {"WAYLAND_DISPLAY": "wayland-0"}
    assert "does not answer" in str(display_problem({"DISPLAY": ":4242", **wayland}))
    assert "XWayland" in str(display_problem(wayland))


def test_display_that_turns_us_away_is_an_error_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_file = cookie_file(tmp_path / "server", "", COOKIE)
    with virtual_display("-auth", str(server_file)) as (display, _):
        own = cookie_file(tmp_path / "own", display, COOKIE)
        stranger = cookie_file(tmp_path / "stranger", display, COOKIE[::-1])
        monkeypatch.setenv("XAUTHORITY", str(own))
        assert display_problem({"DISPLAY": display}) is None
        for file in (stranger, tmp_path / "missing"):
            monkeypatch.setenv("XAUTHORITY", str(file))
            assert "does not let us in" in str(display_problem({"DISPLAY": display}))
        result = blur2blur("live", "demo", "--to", "window", DISPLAY=display)
    assert result.returncode == 1
    assert f"no window: the display {display} does not let us in" in result.stderr


def test_display_that_goes_away_is_told_of_and_what_was_recorded_plays(tmp_path: Path) -> None:
    clip = tmp_path / "o.mkv"
    with virtual_display() as (display, server):
        run = subprocess.Popen(
            [sys.executable, "-m", "stream.cli", "live", "synthetic:160x96@30", "--deblur", "off",
             "--to", "window", "--to", str(clip), "--seconds", "60"],
            env={**os.environ, "DISPLAY": display}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 30
            while not frames_recorded(clip):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            server.terminate()
            _, told = run.communicate(timeout=30)
        finally:
            run.kill()
    assert run.returncode == 1
    assert "X11 connection broke" in told
    assert frames_recorded(clip)


def test_window_is_as_large_as_the_picture_where_that_fits() -> None:
    laptop = Size(1366, 768)
    assert window_size(Size(640, 480), laptop) == Size(640, 480)
    assert window_size(Size(160, 96), laptop) == Size(640, 384)
    assert window_size(Size(1920, 1080), laptop) == Size(1092, 614)
    assert window_size(Size(1080, 1920), laptop) == Size(346, 614)
    assert window_size(Size(1920, 1080), Size(3840, 2160)) == Size(1920, 1080)
    assert window_size(Size(4000, 1), laptop) == Size(1093, 1)
