"""Network sources against real servers on loopback."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from stream.capture import open_source
from stream.capture.source import SourceState
from stream.capture.worker import CaptureWorker, backoff_s, is_stalled
from stream.errors import SourceError
from stream.frame import Frame

SERVER = Path(__file__).parents[2] / "mjpeg_server.py"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def camera_server(port: int) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [sys.executable, str(SERVER), str(port)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline().strip() == "ready"
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def test_mjpeg_over_http_gives_pictures_with_times_of_arrival() -> None:
    port = free_port()
    with camera_server(port):
        capture = open_source(f"http://127.0.0.1:{port}/video").open()
        pictures = capture.pictures()
        found = [next(pictures) for _ in range(20)]
        capture.close()
    assert found[0].pixels.shape == (120, 160, 3)
    assert found[0].pts_s == 0
    assert 0.3 < found[-1].pts_s < 3
    assert all(b.captured_ns >= a.captured_ns for a, b in itertools.pairwise(found))


def wait_for(condition: object, timeout_s: float) -> float:
    """Seconds until the callable is true; fails after the time-out."""
    start = time.monotonic()
    while not condition():  # type: ignore[operator]
        assert time.monotonic() - start < timeout_s, "did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - start


def test_lost_server_is_seen_and_comes_back() -> None:
    port = free_port()
    said: list[str] = []
    frames: list[Frame] = []
    ended: list[bool] = []
    worker = CaptureWorker(
        open_source(f"http://me:hidden@127.0.0.1:{port}/video"),
        deliver=frames.append,
        prepare=lambda info: None,
        finished=lambda: ended.append(True),
        say=said.append,
    )
    with camera_server(port) as server:
        worker.start()
        wait_for(lambda: len(frames) > 10, 10)
        assert worker.status.state is SourceState.LIVE
        server.kill()
        assert wait_for(lambda: worker.status.state is SourceState.RECONNECTING, 5) < 1.0
    before = len(frames)
    time.sleep(3)
    with camera_server(port):
        assert wait_for(lambda: len(frames) > before + 5, 10) < 3.0
        assert worker.status.state is SourceState.LIVE
        assert worker.status.reconnects == 1
        worker.stop()
        assert worker.join(10)
    assert ended == [True]
    pts = [frame.pts_s for frame in frames]
    assert pts == sorted(pts), "time goes on across the reconnection"
    assert pts[-1] > 3
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    assert not any("hidden" in line for line in said)


def is_stalled_now(worker: CaptureWorker) -> bool:
    worker.watch()
    return worker.status.state is SourceState.STALLED


def test_frozen_server_is_a_stall_within_three_seconds() -> None:
    port = free_port()
    frames: list[Frame] = []
    worker = CaptureWorker(
        open_source(f"http://127.0.0.1:{port}/video"),
        deliver=frames.append,
        prepare=lambda info: None,
        finished=lambda: None,
        say=lambda line: None,
    )
    with camera_server(port) as server:
        worker.start()
        wait_for(lambda: len(frames) > 10, 10)
        os.kill(server.pid, signal.SIGSTOP)
        assert wait_for(lambda: is_stalled_now(worker), 10) < 3.0
        assert worker.status.stalls == 1
        os.kill(server.pid, signal.SIGCONT)
        wait_for(lambda: worker.status.state is SourceState.LIVE, 10)
        worker.stop()
        assert worker.join(10)


def test_nobody_there_is_an_error_without_the_password() -> None:
    with pytest.raises(SourceError, match="Connection refused") as caught:
        open_source(f"rtsp://user:hidden@127.0.0.1:{free_port()}/live").open()
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_host_that_accepts_and_sends_nothing_is_an_error(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.capture.network.OPEN_TIMEOUT_S", 1.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken: list[socket.socket] = []
        Thread(target=lambda: taken.append(server.accept()[0]), daemon=True).start()
        start = time.monotonic()
        with pytest.raises(SourceError, match="did not answer with video within 1 s"):
            open_source(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x").open()
        assert time.monotonic() - start < 5


def test_first_failure_of_a_wrong_address_is_final() -> None:
    worker = CaptureWorker(
        open_source(f"http://127.0.0.1:{free_port()}/video"),
        deliver=lambda frame: None,
        prepare=lambda info: None,
        finished=lambda: None,
        say=lambda line: None,
    )
    worker.start()
    assert worker.join(10)
    assert worker.status.state is SourceState.FAILED
    assert "Connection refused" in worker.status.reason


def test_back_off_doubles_to_two_seconds() -> None:
    assert [backoff_s(n) for n in range(6)] == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    assert backoff_s(10_000) == 2.0


def test_silence_is_a_stall_after_two_seconds_or_two_intervals() -> None:
    assert not is_stalled(1.9, 30.0)
    assert is_stalled(2.1, 30.0)
    assert not is_stalled(2.1, 0.5)
    assert is_stalled(4.1, 0.5)
    assert is_stalled(2.1, None)
