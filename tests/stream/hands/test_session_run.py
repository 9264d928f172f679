"""`blur2blur session …` as it is used: recorded, killed, measured, deleted."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engines.files import sha256_of
from stream.hands.session import read_session
from stream.output import open_output
from stream.output.publisher import Publisher
from tests.conftest import blur2blur, read_clip
from tests.stream.capture.test_network import camera_server, free_port
from tests.stream.test_publish_subscribe import two_cameras


def record(clip: Path | str, root: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "stream.cli", "session", "record", str(clip), "--task",
            "open-close", "--participant", "P07", "--hand", "right", "--to", str(root),
            "--consent-recorded", "a test", "--deblur", "off", *more]  # fmt: skip


def test_a_session_from_a_clip(hand_model: Path, hand_clip: Path, tmp_path: Path) -> None:
    subprocess.run(record(hand_clip, tmp_path, "--save-video"), check=True, timeout=120)
    (folder,) = tmp_path.iterdir()
    session = read_session(folder)
    assert session.sidecar.state == "complete"
    assert session.sidecar.consent == "a test"
    assert session.sidecar.engine == {"deblur": "off"}
    assert list(session.trajectories) == ["raw"]
    assert set(session.sidecar.files) == {"landmarks.csv", "landmarks.parquet", "video.mkv"}
    assert len(session.trajectories["raw"]) == session.sidecar.frames["captured"] == 202
    assert len(read_clip(folder / "video.mkv")) == 202
    assert session.sidecar.first_pts_s == read_clip(folder / "video.mkv")[0][0]
    assert session.sidecar.source == "clip"
    assert session.sidecar.source_sha256 == sha256_of(hand_clip)
    for command in ("measure", "report"):
        assert blur2blur("session", command, folder).returncode == 0
    page = (folder / "report.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "Not a medical device" in page
    assert "deblurred" not in page  # it was recorded with --deblur off
    for name in (hand_clip.stem, str(tmp_path)):  # it may say who it is
        assert name not in page + (folder / "session.json").read_text()
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


def test_a_session_of_a_clip_that_breaks_off_is_cut_off(
    hand_model: Path, hand_clip: Path, tmp_path: Path
) -> None:
    half = tmp_path / f"half{hand_clip.suffix}"
    content = hand_clip.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    result = subprocess.run(record(half, tmp_path), capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "the session was cut off" in " ".join(result.stderr.split())
    (table,) = tmp_path.glob("*/landmarks.csv")
    session = read_session(table.parent)
    assert session.sidecar.state == "recording"
    assert 10 < len(session.trajectories["raw"]) < 202


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux does")


@contextmanager
def camera_session(root: Path, *more: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A session of a camera without an end of its own, ended at the latest when this is left."""
    camera = Path("synthetic:320x240@30")
    running = subprocess.Popen(
        record(camera, root, "--realtime", *more),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def trackers_of(running: subprocess.Popen[str]) -> list[int]:
    """Its processes that hands are looked for in, once there is one."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        found = []
        for thread in children.parent.parent.iterdir():
            for pid in (thread / "children").read_text().split():
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it has no tracker")


def table_of(root: Path, at_least: int) -> Path:
    """The table of the session there, once it has so many bytes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        table = next(root.glob("*/landmarks.csv"), None)
        if table is not None and table.stat().st_size >= at_least:
            return table
        time.sleep(0.05)
    raise AssertionError("nothing is recorded")


def press_space(display: str) -> None:
    """In the window of that display, once there is one."""
    environment = {**os.environ, "DISPLAY": display}
    search = ["xdotool", "search", "--sync", "--name", "blur2blur"]
    subprocess.run(search, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)
    for action in (("mousemove", "100", "100"), ("key", "space")):
        subprocess.run(["xdotool", *action], env=environment, check=True, timeout=60)


@linux_only
def test_a_killed_session_knows_its_pause_and_has_filmed_nothing_of_it(
    hand_model: Path, display: str, tmp_path: Path
) -> None:
    with camera_session(tmp_path, "--save-video", "--countdown", "0", DISPLAY=display) as running:
        table = table_of(tmp_path, at_least=6_000)
        press_space(display)
        time.sleep(2.0)
        press_space(display)
        table_of(tmp_path, at_least=table.stat().st_size + 6_000)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    session = read_session(table.parent)
    sidecar = session.sidecar
    assert sidecar.state == "recording"
    assert (sidecar.width, sidecar.height, sidecar.fps) == (320, 240, 30)
    ((begin, end),) = sidecar.pauses_s
    assert end - begin > 1.5
    times = session.trajectories["raw"].time_s
    assert not ((times > begin + 1e-3) & (times < end)).any()
    assert times[-1] > end
    assert sidecar.first_pts_s is not None
    filmed = [pts_s - sidecar.first_pts_s for pts_s, _ in read_clip(table.parent / "video.mkv")]
    behind_s = 0.5  # the tracker, when the key was pressed: those frames came before it
    assert not [time_s for time_s in filmed if begin + behind_s < time_s <= end]
    assert min(filmed) >= -1e-3
    assert max(filmed) > end
    assert len(filmed) > len([time_s for time_s in filmed if time_s < begin]) > 5


def test_a_clip_is_recorded_from_its_beginning_also_in_real_time(
    hand_model: Path, short_hand_clip: Path, tmp_path: Path
) -> None:
    root = tmp_path / "a folder, é"
    more = ("--realtime", "--countdown", "600", "--recorded", "2026-10-03T10:00+02:00")
    command = record(short_hand_clip, root, *more)
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (folder,) = root.iterdir()
    session = read_session(folder)
    raw = session.trajectories["raw"]
    assert raw.sequence[0] < 20
    assert raw.time_s[-1] > 1
    counts = session.sidecar.frames
    assert counts["captured"] == raw.sequence[-1] - raw.sequence[0] + 1
    assert counts["not_looked_at"] == counts["captured"] - len(raw)
    assert session.sidecar.dated == "2026-10-03 08:00 UTC"
    assert session.sidecar.recorded_by == "user"
    offered = result.stderr.partition("next: ")[2]
    assert shlex.split(offered) == ["blur2blur", "session", "report", str(folder)]


@pytest.mark.parametrize(
    ("source", "time", "problem"),
    [
        ("0", "2026-10-03T10:00", "--recorded is for clips"),
        ("demo", "2026-10-03", "not a date and time like"),
    ],
)
def test_when_something_else_than_a_clip_was_filmed_is_not_told(
    tmp_path: Path, source: str, time: str, problem: str
) -> None:
    command = record(Path(source), tmp_path, "--recorded", time)
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1
    assert problem in result.stderr
    assert not list(tmp_path.iterdir())


def test_an_outage_is_said_and_is_not_recorded_time(hand_model: Path, tmp_path: Path) -> None:
    camera = "synthetic:320x240@30?stall=1+3"
    command = record(camera, tmp_path, "--seconds", "2", "--countdown", "0")
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (folder,) = tmp_path.iterdir()
    session = read_session(folder)
    assert session.trajectories["raw"].time_s[-1] > 4.5
    ((begin, end),) = session.sidecar.outages_s
    assert end - begin == pytest.approx(3, abs=0.3)
    (said,) = [line for line in result.stderr.splitlines() if "no frame came for" in line]
    assert float(said.split()[4]) == pytest.approx(3, abs=0.3)


@linux_only
def test_a_session_ends_when_its_tracker_dies(hand_model: Path, tmp_path: Path) -> None:
    with camera_session(tmp_path, "--seconds", "600", "--countdown", "0") as running:
        table = table_of(tmp_path, at_least=5_000)
        for pid in trackers_of(running):
            os.kill(pid, signal.SIGKILL)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "the hand tracker's process has ended" in said
    assert f"{table.parent}: the session was cut off" in said
    session = read_session(table.parent)
    assert session.sidecar.state == "recording"
    counts = session.sidecar.frames
    assert counts["tracked"] == len(session.trajectories["raw"]) > 0
    raw = session.trajectories["raw"]
    assert counts["captured"] == raw.sequence[-1] - raw.sequence[0] + 1
    assert "dropped_stopped" not in counts


@linux_only
def test_a_session_ends_when_its_table_cannot_grow(hand_model: Path, tmp_path: Path) -> None:
    """As on a full disk, but for the sidecar, which is small."""
    import resource

    with camera_session(tmp_path, "--seconds", "600", "--countdown", "0") as running:
        table = table_of(tmp_path, at_least=5_000)
        limit = table.stat().st_size + 2_000
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert f"{table} cannot be written: File too large" in said
    session = read_session(table.parent)
    assert session.sidecar.frames["tracked"] > 0
    assert session.sidecar.width == 320
    assert len(session.trajectories["raw"]) > 0


@linux_only
@pytest.mark.parametrize("end", ["Ctrl-C", "tracker"])
def test_nothing_is_left_of_a_session_without_a_frame(
    hand_model: Path, tmp_path: Path, end: str
) -> None:
    """Ended in its countdown, or its tracker does not start."""
    other = tmp_path / "notes.txt"
    other.write_text("of the user")
    with camera_session(tmp_path, "--countdown", "600") as running:
        tracker = trackers_of(running)[0]
        if end == "Ctrl-C":
            running.send_signal(signal.SIGINT)
        else:
            os.kill(tracker, signal.SIGKILL)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    reason = "nothing was recorded" if end == "Ctrl-C" else "hand tracker's process has ended"
    assert reason in said
    assert list(tmp_path.iterdir()) == [other]


def test_a_source_without_stamps_has_times_of_arrival_and_no_rate(
    hand_model: Path, tmp_path: Path
) -> None:
    port = free_port()
    with camera_server(port):
        address = f"http://127.0.0.1:{port}/video"
        command = record(address, tmp_path, "--seconds", "1", "--countdown", "0")
        subprocess.run(command, check=True, timeout=120, env={**os.environ, "DISPLAY": ""})
    (folder,) = tmp_path.iterdir()
    sidecar = read_session(folder).sidecar
    assert sidecar.source == "network"
    assert sidecar.fps is None
    assert sidecar.clock.startswith("arrival")
    assert blur2blur("session", "report", folder).returncode == 0
    page = (folder / "report.html").read_text()
    assert "<dt>times</dt><dd>arrival of each frame" in page
    assert "25 frames a second" not in page


def test_a_publisher_that_deblurs_is_no_source_of_a_session(
    hand_model: Path, tmp_path: Path
) -> None:
    publisher = open_output("zmq+tcp://127.0.0.1:*")
    assert isinstance(publisher, Publisher)
    with closing(publisher), two_cameras(publisher):
        command = record(f"zmq+{publisher.address}?source=left", tmp_path, "--seconds", "2")
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1
    assert "start the publisher with `--deblur off`" in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())
