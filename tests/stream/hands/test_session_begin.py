"""Sessions that do not begin."""

import io
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from stream.errors import StreamError
from stream.session import SessionJob, record_session
from tests.conftest import MakeClip, files_no_larger_than
from tests.stream.hands.test_session_run import linux_only, record


@pytest.mark.parametrize("size", [0, 100])
def test_a_session_that_cannot_begin_leaves_nothing(
    hand_model: Path, make_clip: MakeClip, tmp_path: Path, size: int
) -> None:
    job = SessionJob(
        source=str(make_clip()),
        task="rest",
        participant="P07",
        hand="left",
        to=tmp_path / "sessions",
        consent="a test",
        deblur="off",
        hand_model=hand_model,
    )
    with (
        files_no_larger_than(size),
        pytest.raises(StreamError, match=r"session\.json cannot be written: File too large"),
    ):
        record_session(job, Console(file=io.StringIO()))
    assert list(job.to.iterdir()) == []


@linux_only
def test_ctrl_c_while_a_large_clip_is_read_leaves_nothing(
    hand_model: Path, make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip()
    with clip.open("rb+") as file:
        file.truncate(50_000_000_000)
    running = subprocess.Popen(record(clip, tmp_path / "sessions"))
    try:
        while running.poll() is None and read_up_to(running, clip) < 100_000_000:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) != 0
    finally:
        running.kill()
        running.wait()
    assert not list(tmp_path.glob("sessions/*"))


def read_up_to(running: subprocess.Popen[bytes], path: Path) -> int:
    """How many bytes of a file it has read."""
    for descriptor in Path(f"/proc/{running.pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            if descriptor.readlink() == path:
                facts = Path(f"/proc/{running.pid}/fdinfo/{descriptor.name}").read_text()
                return int(facts.split()[1])
    return 0
