"""The window of `calibrate record`, on a virtual display."""

import pytest

from tests.conftest import run_python
from tests.stream.output.virtual_display import ended_by_its_x, virtual_display

WAYLAND = """
import numpy as np
from stream.output.preview import Preview
preview = Preview("preview", print)
print(preview.show(np.zeros((96, 160, 3), np.uint8), ["HOLD STILL"]))
preview.close()
"""


def test_desktop_that_wants_qt_on_wayland_gets_its_preview_by_xwayland(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with virtual_display() as (display, _):
        for name, value in {"DISPLAY": display, "QT_QPA_PLATFORM": "wayland"}.items():
            monkeypatch.setenv(name, value)
        assert run_python(WAYLAND).stdout == "True\n"


NOT_SHOWN = """
import numpy as np
from stream.output.preview import Preview
preview = Preview("preview", print)
empty = np.zeros((0, 160, 3), np.uint8)  # as little to be shown as with OpenCV's headless wheel
print(preview.show(empty, []), preview.show(empty, []))
preview.close()
"""


def test_window_that_cannot_be_shown_is_told_of_once_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with virtual_display() as (display, _):
        monkeypatch.setenv("DISPLAY", display)
        told, answers = run_python(NOT_SHOWN).stdout.rstrip().rsplit("\n", 1)
    assert told.count("going on without a preview: its window cannot be shown: ") == 1
    assert answers == "True True"


SHOWN = """
import numpy as np
from stream.output.preview import Preview
preview = Preview("preview", print)
pixels = np.zeros((96, 160, 3), np.uint8)
assert preview.show(pixels, [])
print("shown", flush=True)
while preview.show(pixels, []):
    pass
preview.close()
"""


def test_clicking_its_x_ends_it() -> None:
    with virtual_display() as (display, _):
        assert ended_by_its_x(display, SHOWN, "preview") == 0
