"""No session without the participant's consent."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from stream.hands.session import read_session
from tests.conftest import blur2blur
from tests.stream.hands.test_session_run import linux_only, record


def test_no_session_without_consent(tmp_path: Path) -> None:
    result = blur2blur(
        "session", "record", "demo", "--task", "rest", "--participant", "P07", "--hand", "left",
        "--to", tmp_path,
    )  # fmt: skip
    assert result.returncode == 1
    assert "--consent-recorded" in result.stderr
    assert not list(tmp_path.iterdir())


def answered(command: list[str], answers: str) -> str:
    """Run a command in a terminal where this is typed; what it shows."""
    import pty

    screen, terminal = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "dumb"},
    ):
        os.close(terminal)
        os.write(screen, answers.encode())
        shown = b""
        with suppress(OSError):  # the terminal is closed with the last who has it
            while part := os.read(screen, 4096):
                shown += part
    os.close(screen)
    return shown.decode(errors="replace")


@linux_only
@pytest.mark.parametrize("video", [True, False])
def test_the_question_of_consent_names_the_video_and_wants_an_answer(
    hand_model: Path, short_hand_clip: Path, tmp_path: Path, video: bool
) -> None:
    command = record(short_hand_clip, tmp_path, *(["--save-video"] if video else []))
    command[command.index("--consent-recorded") + 1] = "  "
    shown = answered(command, "y\n\n  \nA. B., form of today\n")
    assert ("of the video" in shown) == video
    assert shown.count("Who recorded it, and when?") == 3
    (folder,) = tmp_path.iterdir()
    assert read_session(folder).sidecar.consent == "A. B., form of today"
