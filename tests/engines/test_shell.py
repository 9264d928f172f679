"""Names of files in commands that are offered."""

import subprocess
import sys

import pytest

from engines.shell import shell_word

NAMES = ["sessions/P07_rest", "my sessions/P07", "it's", "R&D", "a $HOME (1)", "é", ""]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no POSIX shell")
@pytest.mark.parametrize("name", NAMES)
def test_a_posix_shell_takes_it_for_one_word(name: str) -> None:
    command = f"printf '%s|' {shell_word(name, windows=False)}"
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout == (
        f"{name}|".encode()
    )


@pytest.mark.parametrize(
    ("name", "word"),
    [
        (r"C:\sessions\P07_rest_left", r"C:\sessions\P07_rest_left"),
        (r"C:\my sessions\P07", r'"C:\my sessions\P07"'),
        (r"C:\it's\P07", '"C:\\it\'s\\P07"'),
        (r"C:\R&D\P07", r'"C:\R&D\P07"'),
        (r"C:\(1)\P07", r'"C:\(1)\P07"'),
        ("C:\\", "C:\\"),
        ("", '""'),
    ],
)
def test_windows_takes_quotation_marks(name: str, word: str) -> None:
    assert shell_word(name, windows=True) == word
