"""A lock that goes with the process that holds it, however that ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calibration.folder_lock import lock_folder
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")

HOLDER = """
import os, sys
from pathlib import Path
from calibration.folder_lock import lock_folder

assert lock_folder(Path(sys.argv[1]))
if worker := os.fork():
    print(worker, flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds a folder, and the number of one that it forked; both end with this."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        yield holder, int(holder.stdout.readline())


def test_folder_is_held_by_one_process_until_it_ends(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as (holder, worker):
        assert not lock_folder(tmp_path)
        holder.kill()
        holder.wait()
        os.kill(worker, 0)  # lives, and does not hold it
        assert lock_folder(tmp_path)
    assert lock_folder(tmp_path), "this process holds it already"
