"""Publisher and subscriber over real sockets."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import zmq

from benchmarks.memory import rss_mib
from engines.engine import EngineFacts, EngineShape
from stream.capture import open_source
from stream.errors import OutputError, SourceError, StreamError
from stream.frame import Frame, ProcessedFrame
from stream.keys import new_key
from stream.output import open_output
from stream.output.publisher import Publisher
from stream.subscription import Subscription, subscribe
from tests.conftest import ROOT, blur2blur, picture

FACTS = EngineFacts(
    backend="openvino",
    device="CPU (a processor)",
    precision="bf16",
    profile="balanced",
    shape=EngineShape(height=96, width=160),
)


def processed(number: int, source: str = "camera") -> ProcessedFrame:
    pixels = picture(number)
    now = time.perf_counter_ns()
    frame = Frame(
        pixels=pixels,
        source=source,
        sequence=number,
        pts_s=number / 30,
        captured_ns=now,
        posted_ns=now,
    )
    return ProcessedFrame(
        captured=frame,
        pixels=pixels,
        bypassed=False,
        blur=0.5,
        taken_ns=now,
        finished_ns=now,
        engine=FACTS,
    )


@pytest.fixture(params=["tcp", "ipc"])
def publisher(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Publisher]:
    place = "127.0.0.1:*" if request.param == "tcp" else str(tmp_path / "socket")
    made = open_output(f"zmq+{request.param}://{place}")
    assert isinstance(made, Publisher)
    yield made
    made.close()


def first_frame(publisher: Publisher, subscription: Subscription) -> None:
    """Publish until the subscription has arrived at the publisher."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        publisher.write(processed(0))
        if subscription.next_frame(0.02) is not None:
            while subscription.next_frame(0.1) is not None:
                pass
            return
    raise AssertionError("nothing came")


def test_frames_arrive_whole_with_everything_known_of_them(publisher: Publisher) -> None:
    with subscribe(publisher.address, every=True) as frames:
        first_frame(publisher, frames)
        for number in range(1, 20):
            time.sleep(0.01)  # at most two wait; a burst of more is cut
            publisher.write(processed(number))
            received = frames.next_frame(5)
            assert received is not None
            header = received.header
            assert (header.sequence, header.source) == (number, "camera")
            assert np.array_equal(received.pixels, picture(number))
            assert header.engine is not None
            assert header.engine.profile == "balanced"
            assert header.captured_ns <= header.engine_ns <= header.published_ns
            assert 0 < received.age_ms() < 5000
            assert abs(header.wall_ns - time.time_ns()) < 5e9
        assert frames.counts.malformed == frames.counts.missed == 0


def test_a_slow_loop_sees_the_newest(publisher: Publisher) -> None:
    with subscribe(publisher.address) as frames:
        first_frame(publisher, frames)
        seen = []
        for number in range(1, 61):
            publisher.write(processed(number))
            time.sleep(0.005)
            if number % 20 == 0:
                time.sleep(0.1)
                newest = frames.next_frame(5)
                assert newest is not None
                seen.append(newest.header.sequence)
        assert seen == [20, 40, 60]
        assert frames.next_frame(0.05) is None
        assert frames.counts.replaced > 30


def test_newest_of_each_source(publisher: Publisher) -> None:
    with subscribe(publisher.address) as every, subscribe(publisher.address, source="b") as one:
        first_frame(publisher, every)
        for number in range(1, 30):
            for source in "ab":
                publisher.write(processed(number, source))
                time.sleep(0.002)
        time.sleep(0.2)
        newest = [every.next_frame(1), every.next_frame(1)]
        assert {(f.header.source, f.header.sequence) for f in newest if f} == {("a", 29), ("b", 29)}
        received = one.next_frame(1)
        assert received is not None
        assert received.header.source == "b"
        assert one.next_frame(0.05) is None


def test_garbage_is_counted_and_the_next_good_frame_is_shown() -> None:
    context = zmq.Context()
    hostile = context.socket(zmq.PUB)
    port = hostile.bind_to_random_port("tcp://127.0.0.1")
    random = np.random.default_rng(0)
    with subscribe(f"tcp://127.0.0.1:{port}") as frames:
        deadline = time.monotonic() + 10
        while not frames.counts.malformed and time.monotonic() < deadline:
            hostile.send_multipart([b"camera", b"{}", b""])
            time.sleep(0.01)
        for _ in range(300):
            hostile.send_multipart([random.bytes(5), random.bytes(40), random.bytes(60)])
            time.sleep(0.0005)
        time.sleep(0.3)
        assert frames.counts.malformed > 100
        assert frames.counts.reason
        assert frames.counts.received == 0
        from stream.wire import VERSION, Header, pack

        good = Header(
            version=VERSION, source="camera", sequence=5, width=160, height=96, dtype="uint8",
            encoding="raw", pts_s=0.0, captured_ns=1, engine_ns=1, published_ns=1, wall_ns=1,
            clock="elsewhere", bypassed=True,
        )  # fmt: skip
        hostile.send_multipart(pack(good, picture(5)))
        received = frames.next_frame(5)
        assert received is not None
        assert not received.same_clock
        assert received.captured_ns == received.received_ns, "another clock is not believed"
    hostile.close(linger=0)
    context.term()


PUBLISH = """
import sys, time
from stream.output.publisher import Publisher
from tests.stream.test_publish_subscribe import processed
publisher = Publisher(sys.argv[1])
number = 0
while True:
    publisher.write(processed(number))
    number += 1
    time.sleep(0.03)
"""


def test_publisher_that_was_killed_and_started_again_is_seen_within_two_seconds() -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as probe:
        port = probe.bind_to_random_port("tcp://127.0.0.1")
    uri = f"zmq+tcp://127.0.0.1:{port}"

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", PUBLISH, uri], cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}
        )

    first = start()
    with subscribe(uri) as frames:
        assert frames.next_frame(30) is not None
        first.send_signal(signal.SIGKILL)
        first.wait()
        while frames.next_frame(0.5) is not None:
            pass
        second = start()
        try:
            again = frames.next_frame(30)
            assert again is not None
            assert again.header.sequence * 0.03 < 2, "it had published for so long"
        finally:
            second.kill()
            second.wait()


SUBSCRIBE = """
import sys
from stream.subscription import subscribe
for frame in subscribe(sys.argv[1]):
    print(frame.header.sequence, flush=True)
"""


def test_a_subscriber_that_stops_reading_costs_the_publisher_next_to_nothing(
    publisher: Publisher,
) -> None:
    stopped = subprocess.Popen(
        [sys.executable, "-c", SUBSCRIBE, publisher.address],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    large = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    try:
        assert stopped.stdout is not None
        os.set_blocking(stopped.stdout.fileno(), False)
        deadline = time.monotonic() + 30
        while not stopped.stdout.readline() and time.monotonic() < deadline:
            publisher.write(processed(0))
            time.sleep(0.02)
        stopped.send_signal(signal.SIGSTOP)
        publisher.publish(large.copy(), source="camera", sequence=0, pts_s=0.0)
        before = rss_mib()
        for number in range(200):
            publisher.publish(large.copy(), source="camera", sequence=number, pts_s=0.0)
            time.sleep(0.002)
        assert rss_mib() - before < 20
    finally:
        stopped.kill()
        stopped.wait()


def test_the_pipeline_publishes_and_another_one_takes_it(tmp_path: Path) -> None:
    uri = f"zmq+ipc://{tmp_path / 'socket'}"
    publisher = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:160x96@30?seconds=20",
         "--to", uri, "--deblur", "on"],
        cwd=ROOT,
    )  # fmt: skip
    try:
        result = blur2blur(
            "live", uri, "--to", tmp_path / "seen.mkv", "--deblur", "off", "--seconds", "2"
        )
    finally:
        publisher.terminate()
        publisher.wait(timeout=30)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "seen.mkv").stat().st_size > 1000


def test_source_tells_what_was_lost_on_the_way(publisher: Publisher) -> None:
    done = threading.Event()

    def publish() -> None:
        for number in range(0, 10_000, 5):
            if done.is_set():
                return
            publisher.write(processed(number))
            time.sleep(0.01)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        with closing(open_source(f"zmq+{publisher.address}").open()) as capture:
            pictures = capture.pictures()
            assert next(pictures).lost == 0
            assert next(pictures).lost >= 4
            assert sum(next(pictures).lost for _ in range(10)) >= 40
    finally:
        done.set()
        thread.join()


def test_source_that_hears_nothing_says_what_to_look_at() -> None:
    source = open_source("zmq+tcp://127.0.0.1:9")
    import stream.capture.subscriber as subscriber

    before, subscriber.OPEN_TIMEOUT_S = subscriber.OPEN_TIMEOUT_S, 0.2
    try:
        with pytest.raises(SourceError, match="does the publisher run"):
            source.open()
    finally:
        subscriber.OPEN_TIMEOUT_S = before


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_unmodified_imagezmq_hub_shows_our_frames(encoding: str) -> None:
    imagezmq = pytest.importorskip("imagezmq")
    publisher = Publisher(f"zmq+tcp://127.0.0.1:*?format=imagezmq&encoding={encoding}")
    hub = imagezmq.ImageHub(open_port=publisher.address, REQ_REP=False)
    receive = hub.recv_image if encoding == "raw" else hub.recv_jpg
    try:
        for _ in range(200):
            publisher.write(processed(0))
            if hub.zmq_socket.poll(20):
                break
        while hub.zmq_socket.poll(100):
            receive()
        for number in range(1, 301 if encoding == "raw" else 5):
            publisher.write(processed(number))
            assert hub.zmq_socket.poll(5000)
            name, content = receive()
            assert name == "camera"
            if encoding == "raw":
                assert np.array_equal(content[:, :, ::-1], picture(number))
            else:
                seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
                assert np.abs(seen[:, :, ::-1].astype(int) - picture(number)).mean() < 20
            time.sleep(0.005)
    finally:
        hub.close()
        publisher.close()


@pytest.mark.parametrize(
    ("uri", "seen"),
    [
        ("zmq+tcp://0.0.0.0:5999", "keys new"),
        ("zmq+tcp://*:5999", "keys new"),
        ("zmq+tcp://127.0.0.1", "lacks a port"),
        ("zmq+udp://127.0.0.1:1", "is not like"),
        ("zmq+tcp://127.0.0.1:*?encoding=gif", "raw or jpeg"),
        ("zmq+tcp://127.0.0.1:*?quality=101", "1 to 100"),
        ("zmq+tcp://127.0.0.1:*?colour=1", "no option colour"),
        ("zmq+tcp://127.0.0.1:*?format=gstreamer", "blur2blur or imagezmq"),
        ("zmq+tcp://127.0.0.1:*?key=nobody", "no key in"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_with_advice(uri: str, seen: str) -> None:
    with pytest.raises(OutputError, match=seen):
        Publisher(uri)


def test_address_in_use_is_named(publisher: Publisher) -> None:
    if publisher.address.startswith("ipc"):
        pytest.skip("a new socket takes the file over")
    with pytest.raises(OutputError, match="in use"):
        Publisher(f"zmq+{publisher.address}")


def test_outside_address_is_bound_when_one_insists() -> None:
    Publisher("zmq+tcp://0.0.0.0:*", insecure_bind=True).close()


def test_only_those_with_an_authorised_key_are_let_in(tmp_path: Path) -> None:
    for name in ("studio", "friend", "stranger"):
        new_key(name, tmp_path)
    allowed = tmp_path / "authorised"
    (allowed / "friend.key").write_bytes((tmp_path / "friend.key").read_bytes())
    publisher = Publisher(
        f"zmq+tcp://0.0.0.0:*?key={tmp_path / 'studio.key_secret'}&authorised={allowed}"
    )
    port = publisher.address.rpartition(":")[2]
    address = f"tcp://127.0.0.1:{port}"
    server = f"server={tmp_path / 'studio.key'}"
    other = f"server={tmp_path / 'stranger.key'}"
    try:
        with (
            subscribe(f"{address}?{server}&key={tmp_path / 'friend.key_secret'}") as friend,
            subscribe(f"{address}?{server}&key={tmp_path / 'stranger.key_secret'}") as stranger,
            subscribe(f"{address}?{server}") as nobody,
            subscribe(f"{address}?{other}&key={tmp_path / 'friend.key_secret'}") as deceived,
            subscribe(address) as plain,
        ):
            first_frame(publisher, friend)
            for number in range(20):
                publisher.write(processed(number))
                time.sleep(0.02)
            for shut_out in (stranger, nobody, deceived, plain):
                assert shut_out.counts.received == 0
    finally:
        publisher.close()


def test_keys_are_private_and_not_overwritten(tmp_path: Path) -> None:
    public = new_key("studio", tmp_path)
    assert public.with_suffix(".key_secret").stat().st_mode & 0o077 == 0
    assert b"private" not in public.read_bytes().lower().replace(b"private key", b"")
    with pytest.raises(StreamError, match="there already"):
        new_key("studio", tmp_path)
    with pytest.raises(StreamError, match="not a name"):
        new_key("../evil", tmp_path)
    result = blur2blur("keys", "new", "laptop", "--to", tmp_path)
    assert result.returncode == 0
    secret = (tmp_path / "laptop.key_secret").read_text()
    assert secret.splitlines()[-1].split('"')[1] not in result.stdout + result.stderr
