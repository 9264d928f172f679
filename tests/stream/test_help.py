"""What --help shows."""

import os
import subprocess
import sys

import pytest

from tests.conftest import blur2blur


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["live"],
        ["doctor"],
        ["bench"],
        ["bench", "engine"],
        ["engine", "build"],
        ["train", "deblurrer"],
    ],
)
def test_help_teaches(command: list[str]) -> None:
    result = blur2blur(*command, "--help", COLUMNS="100")
    assert result.returncode == 0
    assert "Usage" in result.stdout
    assert len(result.stdout) > 300


def test_help_is_shown_in_code_pages_without_bullets() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "stream.cli", "live", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "cp932"},
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert "blur2blur live demo --to out.mp4" in result.stdout.decode("cp932")
