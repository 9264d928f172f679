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
from fractions import Fraction
from itertools import islice
from pathlib import Path
from threading import Event, Thread

import av
import numpy as np
import pytest

from stream.capture import open_source
from stream.capture.source import SourceState
from stream.capture.synthetic import read_number
from stream.capture.worker import CaptureWorker, backoff_s, is_stalled
from stream.errors import SourceError
from stream.frame import Frame
from tests.conftest import ROOT, picture
from tests.stream.capture.workers import capture_worker

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
        info = capture.info
        capture.close()
    assert info.by_arrival
    assert info.fps is None, "FFmpeg says 25, which nobody told it"
    assert found[0].pixels.shape == (120, 160, 3)
    assert found[0].pts_s == 0
    assert 0.3 < found[-1].pts_s < 3
    assert all(b.captured_ns >= a.captured_ns for a, b in itertools.pairwise(found))


def raw_packets(codec: str, count: int) -> list[bytes]:
    """Numbered pictures of a stream that carries no times."""
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 160, 96, "yuv420p"
    context.time_base, context.options = Fraction(1, 90_000), {"tune": "zerolatency"}
    packets = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
        frame.pts = number * 6000
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def send_raw(server: socket.socket, packets: list[bytes], caught_up: Event, *, fps: float) -> None:
    """At once what FFmpeg wants to see first; the last 15 at this rate, once that was read."""
    with closing(server.accept()[0]) as reader:
        for packet in packets[:-15]:
            reader.sendall(packet)
        caught_up.wait(30)
        start = time.monotonic()
        for number, packet in enumerate(packets[-15:]):
            time.sleep(max(0.0, start + number / fps - time.monotonic()))
            reader.sendall(packet)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_raw_stream_over_tcp_has_times_of_arrival(codec: str) -> None:
    """As ``rpicam-vid --listen -o tcp://…`` of a Raspberry Pi sends it."""
    packets, caught_up = raw_packets(codec, 130), Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        sent = {"args": [server, packets, caught_up], "kwargs": {"fps": 15}}
        Thread(target=send_raw, daemon=True, **sent).start()
        with closing(open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}").open()) as capture:
            info, pictures = capture.info, capture.pictures()
            assert len(list(islice(pictures, 110))) == 110
            caught_up.set()
            times_s = [found.pts_s for found in pictures]
    assert info.by_arrival
    assert info.fps is None, "FFmpeg says 25, which nobody told it"
    assert times_s[-2] - times_s[-12] == pytest.approx(10 / 15, abs=0.15)


@contextmanager
def sender(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stream_sender", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def first_numbers(address: str, count: int = 3) -> list[int]:
    with closing(open_source(address).open()) as capture:
        return [read_number(picture.pixels) for picture in islice(capture.pictures(), count)]


def listening(port: int) -> bool:
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return any(f":{port:04X} " in line and " 0A " in line for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_transport_stream_over_tcp_begins_with_its_first_picture() -> None:
    port = free_port()
    with sender(f"tcp://127.0.0.1:{port}?listen=1", "mpegts", "mpeg2video", "50"):
        wait_for(lambda: listening(port), 20)
        start = time.monotonic()
        assert first_numbers(f"tcp://127.0.0.1:{port}") == [0, 1, 2]
        assert time.monotonic() - start < 1.0


def test_transport_stream_over_udp_opens_between_two_key_pictures() -> None:
    port = free_port()
    with sender(f"udp://127.0.0.1:{port}?pkt_size=1316", "mpegts", "mpeg2video", "50") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        assert first_numbers(f"udp://127.0.0.1:{port}") == [50, 51, 52]


def test_mjpeg_begins_with_its_first_picture() -> None:
    port = free_port()
    with camera_server(port), closing(open_source(f"http://127.0.0.1:{port}/").open()) as capture:
        red = next(capture.pictures()).pixels[:, :80, 0].astype(int)
    of_first = 3 * np.arange(80)  # it grows by 5 a picture
    assert abs((red - of_first).mean()) < 2


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
    worker = capture_worker(
        open_source(f"http://me:hidden@127.0.0.1:{port}/video"),
        deliver=frames.append,
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
    worker = capture_worker(
        open_source(f"http://127.0.0.1:{port}/video"),
        deliver=frames.append,
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
    worker = capture_worker(
        open_source(f"http://127.0.0.1:{free_port()}/video"),
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
    assert not is_stalled(9.9, 30.0, 10.0)
    assert is_stalled(10.1, 30.0, 10.0)
