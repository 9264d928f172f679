"""`blur2blur session …` as it is used: recorded, killed, measured, deleted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from stream.hands.session import read_session
from tests.conftest import blur2blur, read_clip


def record(clip: Path, root: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "stream.cli", "session", "record", str(clip), "--task",
            "open-close", "--participant", "P07", "--hand", "right", "--to", str(root),
            "--consent-recorded", "a test", "--deblur", "off", *more]  # fmt: skip


def test_a_session_from_a_clip(hand_model: Path, hand_clip: Path, tmp_path: Path) -> None:
    subprocess.run(record(hand_clip, tmp_path, "--save-video"), check=True, timeout=120)
    (folder,) = tmp_path.iterdir()
    session = read_session(folder)
    assert session.sidecar.state == "complete"
    assert session.sidecar.consent == "a test"
    assert set(session.sidecar.files) == {"landmarks.csv", "landmarks.parquet", "video.mkv"}
    assert len(session.trajectories["raw"]) == session.sidecar.frames["captured"] == 202
    assert len(read_clip(folder / "video.mkv")) == 202
    for command in ("measure", "report"):
        assert blur2blur("session", command, folder).returncode == 0
    page = (folder / "report.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "Not a medical device" in page
    assert "deblurred" in page
    assert blur2blur("session", "delete", folder, "--yes").returncode == 0
    assert not folder.exists()


def test_a_killed_session_lacks_at_most_its_last_second(
    hand_model: Path, hand_clip: Path, tmp_path: Path
) -> None:
    running = subprocess.Popen(record(hand_clip, tmp_path, "--realtime"))
    deadline = time.monotonic() + 60
    table = None
    while time.monotonic() < deadline:
        table = next(tmp_path.glob("*/landmarks.csv"), None)
        if table is not None and table.stat().st_size > 100_000:
            break
        time.sleep(0.05)
    assert table is not None
    before_s = read_session(table.parent).trajectories["raw"].time_s[-1]
    time.sleep(1.5)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    session = read_session(table.parent)
    assert session.sidecar.state == "recording"
    assert session.trajectories["raw"].time_s[-1] > before_s + 0.5
    for arguments in (("export", "--parquet", "--c3d"), ("measure",), ("report",)):
        result = blur2blur("session", arguments[0], table.parent, *arguments[1:])
        assert result.returncode == 0, result.stderr
    assert "cut off" in (table.parent / "report.html").read_text()


def test_no_session_without_consent(tmp_path: Path) -> None:
    result = blur2blur(
        "session", "record", "demo", "--task", "rest", "--participant", "P07", "--hand", "left",
        "--to", tmp_path,
    )  # fmt: skip
    assert result.returncode == 1
    assert "--consent-recorded" in result.stderr
    assert not list(tmp_path.iterdir())
