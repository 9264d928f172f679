"""What the window of a session says at its foot, beside that of `live`."""

import json
from pathlib import Path

import pytest

from tests.conftest import run_python

HELP = """
import json, sys
from pathlib import Path
import cv2
from stream.capture import open_source
from stream.controls import RunControls
from stream.deblurring import Deblurring
from stream.hands.session_recorder import SessionRecorder
from stream.output import window
from stream.output.null import Null
from stream.pipeline import Pipeline
from stream.session_controls import SessionControls
from tests.stream.publishing import processed

source = open_source("synthetic:320x240@30")
pipeline = Pipeline([source], [Null()], Deblurring(lambda: None, "auto"))
recorder = SessionRecorder(Path(sys.argv[1]), "free", seconds=None, countdown_s=0.0)
foot, pressed = [], list("hd ")
write_lines = window.write_lines

def noted(picture, lines, *, bottom=False):
    foot[:] = lines if bottom else foot
    write_lines(picture, lines, bottom=bottom)

window.write_lines = noted
cv2.waitKey = lambda _: ord(pressed.pop(0)) if pressed else 255
shown = window.Window()
if sys.argv[2] == "session":
    shown.controls = SessionControls(pipeline, recorder, "P07, free, left hand")
else:
    shown.controls = RunControls(pipeline)
for _ in range(4):
    shown.write(processed(0))
print(json.dumps({"foot": foot, "mode": pipeline.deblurring.mode}))
"""


@pytest.mark.parametrize(
    ("of", "key", "other", "mode"),
    [("session", "space", "deblur", "auto"), ("live", "deblur", "space", "on")],
)
def test_the_help_names_the_keys_that_do_something_here(
    display: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    of: str, key: str, other: str, mode: str,
) -> None:  # fmt: skip
    """And leaves what goes on where it is: space was pressed, and d, while it was shown."""
    monkeypatch.setenv("DISPLAY", display)
    found = json.loads(run_python(HELP, str(tmp_path), of).stdout)
    text = "\n".join(found["foot"])
    assert key in text
    assert found["mode"] == mode
    if of == "session":
        assert found["foot"].pop() == "PAUSED - space goes on"
    assert other not in "\n".join(found["foot"])
