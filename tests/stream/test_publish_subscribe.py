"""Publisher and subscriber over real sockets."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import zmq

from benchmarks.memory import growth_mib, rss_mib
from stream.capture import Source, open_source
from stream.capture.synthetic import read_number
from stream.errors import SourceError, StreamError
from stream.output.publisher import Publisher
from stream.subscription import subscribe
from tests.conftest import ROOT, blur2blur, picture, run_python
from tests.stream.publishing import first_frame, processed


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
        from stream.wire import VERSION, Header, encoded, pack

        good = Header(
            version=VERSION, source="camera", sequence=5, width=160, height=96, dtype="uint8",
            encoding="raw", pts_s=0.0, captured_ns=1, engine_ns=1, published_ns=1, wall_ns=1,
            clock="elsewhere", bypassed=True,
        )  # fmt: skip
        hostile.send_multipart(pack(good, encoded(picture(5), "raw")))
        received = frames.next_frame(5)
        assert received is not None
        assert not received.same_clock
        assert received.captured_ns == received.received_ns, "another clock is not believed"
    hostile.close(linger=0)
    context.term()


@pytest.mark.parametrize("lies_s", [-3 * 10**9, -70, -50, 5])
def test_stamps_are_believed_as_far_as_they_can_be(publisher: Publisher, lies_s: int) -> None:
    """A program of one's own may stamp by another clock, such as ``time.time_ns()``."""
    with subscribe(publisher.address) as frames:
        frame = None
        while frame is None:
            stamp = max(0, time.perf_counter_ns() + lies_s * 10**9)
            publisher.publish(picture(0), source="a", sequence=0, pts_s=0.0, captured_ns=stamp)
            frame = frames.next_frame(0.02)
        assert frame.same_clock == (lies_s == -50 and sys.platform == "linux")
        believed = frame.header.captured_ns if frame.same_clock else frame.received_ns
        assert frame.captured_ns == believed


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
        growth = growth_mib(before)
        assert growth is None or growth < 20
    finally:
        stopped.kill()
        stopped.wait()


def test_the_pipeline_publishes_and_another_one_takes_it(tmp_path: Path) -> None:
    uri = f"zmq+ipc://{tmp_path / 'socket'}"
    publisher = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:160x96@30?seconds=60",
         "--to", uri, "--deblur", "on"],
        cwd=ROOT,
    )  # fmt: skip
    try:
        with subscribe(uri) as frames:
            assert frames.next_frame(60) is not None
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


@contextmanager
def two_cameras(publisher: Publisher) -> Iterator[None]:
    """Publish even numbers as `left` and odd ones as `right` meanwhile."""
    done = threading.Event()

    def publish() -> None:
        for number in range(100_000):
            if done.wait(0.01):
                return
            publisher.write(processed(number, ("left", "right")[number % 2]))

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def parities(source: Source) -> tuple[set[int], tuple[str, ...]]:
    """Which numbers, even or odd, twenty pictures of a source have; and its notes."""
    with closing(source.open()) as capture:
        numbers = [read_number(p.pixels) for p in islice(capture.pictures(), 20)]
        return {number % 2 for number in numbers}, capture.info.notes


@pytest.mark.parametrize(("name", "parity"), [("left", 0), ("right", 1)])
def test_source_by_name_is_one_camera_of_a_publisher(
    publisher: Publisher, name: str, parity: int
) -> None:
    with two_cameras(publisher):
        source = open_source(f"zmq+{publisher.address}?source={name}")
        assert parities(source) == ({parity}, ())


def test_source_without_a_name_stays_with_one_camera_and_tells_of_the_other(
    publisher: Publisher,
) -> None:
    with two_cameras(publisher):
        source = open_source(f"zmq+{publisher.address}")
        found, (note,) = parities(source)
        assert len(found) == 1
        this, other = ("left", "right") if found == {0} else ("right", "left")
        assert note.startswith(f"this is '{this}'; ?source=NAME takes another")
        assert note.endswith(f"'{other}'")
        assert parities(source)[0] == found, "opened again, it is the same camera"


def test_name_in_the_address_is_one_source_to_a_subscriber(publisher: Publisher) -> None:
    with two_cameras(publisher), subscribe(f"{publisher.address}?source=right") as frames:
        received = [frames.next_frame(10) for _ in range(10)]
    assert {frame.header.source for frame in received if frame} == {"right"}


def test_options_of_an_address_keep_their_signs(publisher: Publisher) -> None:
    with subscribe(f"{publisher.address}?source=a+b%26c%20d") as frames:
        assert frames.source == "a+b&c d"


@pytest.mark.parametrize(
    "address",
    [
        "tcp://no host:5555",
        f"ipc:///tmp/{'long' * 40}",
        "ipc:///tmp/caf\udce9",
        "tcp://127.0.0.1:5555?source=caf\udce9",
    ],
)
def test_address_that_cannot_be_connected_to_is_named(address: str) -> None:
    with pytest.raises(StreamError, match=r"cannot be connected to: .*; is it like"):
        subscribe(address)
    with pytest.raises(SourceError, match="cannot be connected to"):
        open_source(f"zmq+{address}").open()


CLOSES = """
import gc
from stream.subscription import subscribe
subscription = subscribe("tcp://127.0.0.1:9")
subscription.close()
subscription.close()
assert subscription.next_frame() is None
del subscription
gc.collect()
"""


def test_closed_subscription_leaves_nothing_open() -> None:
    result = run_python(f"import warnings\nwarnings.simplefilter('always')\n{CLOSES}")
    assert (result.returncode, result.stderr) == (0, "")


def test_no_room_for_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity is 1 or more, not 0"):
        subscribe("tcp://127.0.0.1:9", every=True, capacity=0)


def test_infinite_patience_is_patience_without_end(publisher: Publisher) -> None:
    with subscribe(publisher.address, every=True) as frames:
        first_frame(publisher, frames)
        publisher.write(processed(7))
        received = frames.next_frame(math.inf)
        assert received is not None
        assert received.header.sequence == 7


def test_source_that_hears_nothing_says_what_to_look_at() -> None:
    source = open_source("zmq+tcp://127.0.0.1:9")
    import stream.capture.subscriber as subscriber

    before, subscriber.OPEN_TIMEOUT_S = subscriber.OPEN_TIMEOUT_S, 0.2
    try:
        with pytest.raises(SourceError, match="does the publisher run"):
            source.open()
    finally:
        subscriber.OPEN_TIMEOUT_S = before
