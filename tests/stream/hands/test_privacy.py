"""No connection to anywhere is attempted, seen from the system calls."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_NETWORK = re.compile(r"(connect|sendto|sendmsg)\(.*AF_INET6?\b")


def connections(log: Path, *arguments: str | Path) -> list[str]:
    """Run a command under strace; its attempts to reach the network."""
    command = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
    ]  # the filter: other calls are not slowed down
    command += ["-e", "trace=connect,sendto,sendmsg", "-o", str(log)]
    command += [sys.executable, "-m", "stream.cli", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    return [line for line in log.read_text(errors="replace").splitlines() if _NETWORK.search(line)]


@pytest.fixture
def traced(tmp_path: Path) -> Path:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    log = tmp_path / "trace"
    probe = "import socket; socket.socket(2, 2).connect(('127.0.0.1', 9))"
    command = ["strace", "-f", "-e", "trace=connect", "-o", str(log), sys.executable, "-c", probe]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("processes may not be traced here")
    assert _NETWORK.search(log.read_text()), "the check sees a connection where there is one"
    return log


def test_nothing_leaves_the_machine(
    traced: Path, hand_model: Path, short_hand_clip: Path, tmp_path: Path
) -> None:
    root = tmp_path / "sessions"
    assert not connections(
        traced, "live", short_hand_clip, "--hands", "both", "--model", "fast", "--size", "320x240",
        "--to", "null",
    )  # fmt: skip
    assert not connections(
        traced, "session", "record", short_hand_clip, "--task", "open-close",
        "--participant", "P07", "--hand", "right", "--consent-recorded", "a test",
        "--model", "fast", "--size", "320x240", "--to", root,
    )  # fmt: skip
    (folder,) = root.iterdir()
    assert not connections(traced, "session", "measure", folder)
    assert not connections(traced, "session", "report", folder)
