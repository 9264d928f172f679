"""Runs whose standard error nobody reads."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT


def left_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def left_terminal() -> int:
    pty = pytest.importorskip("pty", reason="terminals of another kind")
    terminal, end = pty.openpty()
    os.close(terminal)
    return int(end)


def full_disk() -> int:
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has /dev/full")
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("place", [left_pipe, left_terminal, full_disk])
def test_a_run_goes_on_though_nobody_reads_what_it_says(
    place: Callable[[], int], tmp_path: Path
) -> None:
    stats, unread = tmp_path / "s.json", place()
    run = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:160x96@0?seconds=0.5",
         "--to", "zmq+tcp://127.0.0.1:*", "--deblur", "off", "--stats", str(stats)],
        cwd=ROOT,
        stderr=unread,
    )  # fmt: skip
    os.close(unread)
    assert run.wait(timeout=60) == 0
    assert json.loads(stats.read_text())["frames_captured"] == 15
