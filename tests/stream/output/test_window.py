"""The real window on a virtual display, looked at through the display's own pixels."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.errors import OutputError
from stream.output.picture import split_view, state_picture, write_lines
from stream.output.window import Window
from tests.conftest import ROOT, run_python
from tests.stream.capture.test_network import free_port
from tests.stream.output.virtual_display import ended_by_its_x, virtual_display
from tests.stream.test_monitoring import get


@pytest.fixture
def display() -> Iterator[str]:
    with virtual_display() as (name, _):
        yield name


def frames_shown(port: int) -> int:
    with suppress(OSError):
        _, text = get(f"http://127.0.0.1:{port}/metrics")
        if found := re.search(r"^blur2blur_frames_output_total (\S+)", text, re.MULTILINE):
            return int(float(found[1]))
    return 0


def test_shows_the_picture_and_quits_on_q(display: str, tmp_path: Path) -> None:
    stats, port = tmp_path / "s.json", free_port()
    environment = {**os.environ, "DISPLAY": display}
    run = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:320x240@30", "--model", "fast",
         "--stats", str(stats), "--metrics", f"127.0.0.1:{port}", "--seconds", "60"],
        env=environment,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        window = ""
        while not window and time.monotonic() < deadline:
            time.sleep(0.2)
            found = subprocess.run(
                ["xdotool", "search", "--name", "blur2blur"],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            window = found.stdout.split()[0] if found.stdout.split() else ""
        assert window, "no window appeared"
        while frames_shown(port) <= 10 and time.monotonic() < deadline:
            time.sleep(0.2)  # the window is there before the engine is
        subprocess.run(["xdotool", "mousemove", "100", "100"], env=environment, check=True)
        subprocess.run(["xdotool", "key", "q"], env=environment, check=True)
        assert run.wait(30) == 0
    finally:
        run.kill()
    figures = json.loads(stats.read_text())
    assert figures["outputs"][0]["uri"] == "window"
    assert figures["frames_output"] > 10


MIRRORED = """
import time
from dataclasses import replace
import numpy as np
from stream.output.window import Window
from tests.stream.publishing import processed
frame = processed(0)
before, after = np.zeros((2, 480, 640, 3), np.uint8)
before[:, :320], after[:, :320] = 60, 180
window = Window(mirrored=True)
while True:
    window.write(replace(frame, captured=replace(frame.captured, pixels=before), pixels=after))
    time.sleep(0.02)
"""


GRAB = """
import sys, av
import numpy as np
options = {"video_size": "800x600", "draw_mouse": "0"}
with av.open(sys.argv[1], format="x11grab", options=options) as screen:
    np.save(sys.argv[2], next(screen.decode(video=0)).to_ndarray(format="gray"))
"""


def screen(display: str, file: Path) -> NDArray[np.int64]:
    """What is to be seen there: (H, W), grey; by a process without OpenCV, whose Qt breaks it."""
    assert run_python(GRAB, display, str(file)).returncode == 0
    return np.asarray(np.load(file), np.int64)


def test_line_of_a_mirrored_window_is_under_the_mouse_and_before_left_of_it(
    display: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "DISPLAY": display}
    run = subprocess.Popen([sys.executable, "-c", MIRRORED], env=environment, cwd=ROOT)
    line, seen = 0, np.zeros((600, 800), np.int64)
    try:
        deadline = time.monotonic() + 60
        while not (seen == 180).any() or abs(line - 200) > 2:
            assert time.monotonic() < deadline, f"the line is at {line}"
            for x in ("190", "200"):
                subprocess.run(["xdotool", "mousemove", x, "240"], env=environment, check=True)
                time.sleep(0.1)
            seen = screen(display, tmp_path / "screen.npy")
            line = int((seen == 255).sum(axis=0).argmax())
    finally:
        run.kill()
        run.wait()
    assert (seen[:, line + 2 :] == 180).sum() > 100_000, "the lit half is right of the line: after"
    assert not ((seen == 180) | (seen == 60))[:, :line].any(), "and none of it is left of it"


SHAPES = """
import sys
from dataclasses import replace
from types import SimpleNamespace
import numpy as np
from stream.capture.source import SourceStatus
from stream.output.window import Window
from tests.stream.publishing import processed
frame = processed(0)
window = Window()
window.controls = SimpleNamespace(
    statuses=lambda: [SourceStatus(name=frame.captured.source, uri="")],
    statistics_lines=lambda: [],
    banner=lambda: "",
    quit=lambda: None,
)
window.idle()
for line in sys.stdin:
    width, height = map(int, line.split("x"))
    pixels = np.full((height, width, 3), 180, np.uint8)
    for _ in range(10):
        captured = replace(frame.captured, pixels=pixels)
        window.write(replace(frame, captured=captured, pixels=pixels, bypassed=True))
    print("shown", flush=True)
"""


def test_pictures_keep_their_shape_and_fit_on_the_screen(display: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DISPLAY": display}
    run = subprocess.Popen(
        [sys.executable, "-c", SHAPES],
        env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stdin is not None and run.stdout is not None
    try:
        for width, height in [(640, 360), (1080, 1920), (320, 240), (1920, 800)]:
            run.stdin.write(f"{width}x{height}\n")
            run.stdin.flush()
            assert run.stdout.readline() == "shown\n"
            lit = screen(display, tmp_path / "screen.npy") == 180
            rows, columns = lit.any(axis=1).sum(), lit.any(axis=0).sum()
            assert rows < 600 and columns < 800
            assert columns / rows == pytest.approx(width / height, rel=0.01)
            assert lit.sum() == rows * columns
    finally:
        run.kill()
        run.wait()


def test_without_a_display_it_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(OutputError, match=r"--to out\.mp4"):
        Window()


WAYLAND = """
from stream.output.window import Window
from tests.stream.publishing import processed
window = Window()
window.write(processed(0))
window.close()
print("shown")
"""


def test_desktop_that_wants_qt_on_wayland_gets_its_window_by_xwayland(
    display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"DISPLAY": display, "QT_QPA_PLATFORM": "wayland"}.items():
        monkeypatch.setenv(name, value)
    assert run_python(WAYLAND).stdout == "shown\n"


GONE = """
import sys
from unittest.mock import Mock
import cv2
from stream.output.window import Window
from tests.stream.publishing import processed
window = Window()
window.controls = Mock(statuses=lambda: [], statistics_lines=lambda: [], banner=lambda: "")
window.write(processed(0))
cv2.destroyAllWindows()  # to the window property, as if it were closed or, on macOS, in the Dock
sys.platform = sys.argv[1]
window.idle()
print(window.controls.quit.called)
"""


@pytest.mark.parametrize(("system", "quits"), [("linux", "True"), ("darwin", "False")])
def test_window_in_the_dock_of_macos_does_not_end_the_run(
    display: str, monkeypatch: pytest.MonkeyPatch, system: str, quits: str
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert run_python(GONE, system).stdout == f"{quits}\n"


CLICKED = """
from unittest.mock import Mock
from stream.output.window import Window
from tests.stream.publishing import processed
window = Window()
window.controls = Mock(statuses=lambda: [], statistics_lines=lambda: [], banner=lambda: "")
window.write(processed(0))
print("shown", flush=True)
while not window.controls.quit.called:
    window.idle()
window.close()
"""


def test_clicking_the_x_of_the_only_window_ends_the_run(display: str) -> None:
    assert ended_by_its_x(display, CLICKED, "blur2blur") == 0


def test_split_shows_before_left_and_after_right() -> None:
    before = np.zeros((4, 10, 3), np.uint8)
    before[:, :, 0] = 200  # red
    after = np.zeros((4, 10, 3), np.uint8)
    after[:, :, 2] = 100  # blue
    view = split_view(before, after, 0.5)
    assert view[0, 0].tolist() == [0, 0, 200]
    assert view[0, 5].tolist() == [255, 255, 255]
    assert view[0, 9].tolist() == [100, 0, 0]
    assert split_view(before, after, 0.0)[0, 0].tolist() == [100, 0, 0]
    assert split_view(before, after, 7.0)[0, 9].tolist() == [0, 0, 200]


def test_mirror_turns_the_pictures_and_not_the_sides() -> None:
    red, blue = np.zeros((2, 4, 10, 3), np.uint8)
    red[:, :, 0] = np.arange(10)
    blue[:, :, 2] = 100 + np.arange(10)
    view = split_view(red, blue, 0.3, mirrored=True)
    assert view[0, :3].tolist() == [[0, 0, 9], [0, 0, 8], [0, 0, 7]]
    assert view[0, 3].tolist() == [255, 255, 255]
    assert view[0, 4:, 0].tolist() == [105, 104, 103, 102, 101, 100]
    assert view.flags.c_contiguous
    assert red[0, 0, 0] == 0, "the frame itself is left alone"


def test_state_picture_is_dark_and_says_something() -> None:
    last = np.full((240, 320, 3), 255, np.uint8)
    picture = state_picture(last, "reconnecting", ["the stream ended"])
    assert picture.shape == (480, 640, 3)
    assert picture.mean() < 110
    assert (picture == 255).any()
    assert state_picture(None, "opening", []).shape == (480, 640, 3)


def test_text_stays_in_its_strip() -> None:
    picture = np.full((200, 300, 3), 90, np.uint8)
    write_lines(picture, ["one", "two"])
    assert (picture[:10] != 90).any()
    assert (picture[100:] == 90).all()
