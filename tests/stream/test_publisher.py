"""What a publisher can be asked for: other clients, addresses."""

import json
import math
import re
import struct
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from socket import AF_UNIX, create_connection, socket
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg  # type: ignore[import-untyped]

from engines.pool import EnginePool
from stream.capture import open_source
from stream.deblurring import Deblurring
from stream.errors import OutputError
from stream.keys import new_key
from stream.live import LiveJob, _open_outputs, _open_sources
from stream.output.publisher import Publisher
from stream.pipeline import Pipeline
from stream.subscription import subscribe
from stream.wire import Header, short_name
from tests.conftest import MakeClip, blur2blur, picture
from tests.stream.publishing import first_frame, needs_ipv6, processed


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
        ("zmq+tcp://127.0.0.1:65536", "ports go up to 65535"),
        ("zmq+udp://127.0.0.1:1", "is not like"),
        ("zmq+tcp://127.0.0.1:*?encoding=gif", "raw or jpeg"),
        ("zmq+tcp://127.0.0.1:*?quality=101", "1 to 100"),
        ("zmq+tcp://127.0.0.1:*?quality=50", "add &encoding=jpeg"),
        ("zmq+tcp://127.0.0.1:*?colour=1", "no option colour"),
        ("zmq+tcp://127.0.0.1:*?format=gstreamer", "blur2blur or imagezmq"),
        ("zmq+tcp://127.0.0.1:*?key=nobody", "no key in"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_with_advice(uri: str, seen: str) -> None:
    with pytest.raises(OutputError, match=seen):
        Publisher(uri)


PIXELS = picture(0)
REFUSED = [
    ({"source": "x" * 201}, "length <= 200"),
    ({"source": "ü" * 129}, "too long"),
    ({"source": "caf\udce9"}, "surrogates"),
    ({"sequence": -1}, ">= 0"),
    ({"pts_s": math.nan}, "pts_s"),
    ({"pts_s": math.inf}, "pts_s"),
    ({"captured_ns": -1}, "captured_ns"),
    ({"pixels": np.zeros((5000, 5000, 3), np.uint8)}, "too many"),
    ({"pixels": PIXELS[:0]}, "height"),
    ({"pixels": PIXELS[:, ::-1]}, "contiguous uint8"),
    ({"pixels": PIXELS[:, :, 0]}, "contiguous uint8"),
    ({"pixels": PIXELS.astype(float)}, "contiguous uint8"),
    ({"pixels": "x"}, "contiguous uint8"),
]


REFUSED_AS_JPEG = [
    ({"pixels": np.zeros((height, width, 3), np.uint8)}, f"{width}x{height} pixels make no JPEG")
    for height, width in ((0, 5), (5, 0), (10, 65510), (65510, 10))
]


@pytest.mark.parametrize(
    ("options", "wrong", "seen"),
    [("", *refused) for refused in REFUSED]
    + [("?encoding=jpeg", *refused) for refused in REFUSED_AS_JPEG]
    + [("?encoding=jpeg&format=imagezmq", *refused) for refused in REFUSED_AS_JPEG]
    + [("?format=imagezmq", {"pixels": PIXELS[:0]}, "no pixels")],
)
def test_frame_that_nobody_would_take_is_not_published(
    options: str, wrong: dict[str, Any], seen: str
) -> None:
    frame = {"pixels": PIXELS, "source": "camera", "sequence": 0, "pts_s": 0.0, **wrong}
    with (
        closing(Publisher(f"zmq+tcp://127.0.0.1:*{options}")) as publisher,
        pytest.raises(OutputError, match=seen),
    ):
        publisher.publish(**frame)


def test_camera_whose_frames_nobody_would_take_leaves_the_others_published() -> None:
    cameras = [open_source("synthetic:160x96@30?seconds=1") for _ in range(2)]
    cameras[0].name, cameras[1].name = "x" * 201, "right"
    publisher = Publisher("zmq+tcp://127.0.0.1:*", sources=2)
    deblurring = Deblurring(EnginePool, "off")  # type: ignore[arg-type]
    pipeline = Pipeline(cameras, [publisher], deblurring)
    pipeline.run()
    assert "length <= 200" in pipeline.problems[0]
    assert "output_failed" not in pipeline.ledgers["right"].dropped


def test_frame_is_stamped_as_published_when_its_jpeg_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encode = simplejpeg.encode_jpeg
    made_ns: list[tuple[int, int]] = []

    def slowly(*arguments: object, **options: object) -> bytes:
        time.sleep(0.02)
        jpeg: bytes = encode(*arguments, **options)
        made_ns.append((time.perf_counter_ns(), time.time_ns()))
        return jpeg

    monkeypatch.setattr(simplejpeg, "encode_jpeg", slowly)
    with (
        closing(Publisher("zmq+tcp://127.0.0.1:*?encoding=jpeg")) as publisher,
        subscribe(publisher.address, every=True) as frames,
    ):
        first_frame(publisher, frames)
        publisher.write(processed(1))
        received = frames.next_frame(5)
    assert received is not None
    assert received.header.published_ns >= made_ns[-1][0]
    assert received.header.wall_ns >= made_ns[-1][1]


def test_long_names_of_sources_can_be_subscribed_to(make_clip: MakeClip) -> None:
    clip = str(make_clip(f"{'long' * 60}.mkv"))
    first, second = _open_sources(LiveJob(sources=(clip, clip), outputs=("null",)))
    assert (len(first.name), len(second.name), second.name[-2:]) == (200, 200, "-2")
    assert header_of(second.name).source == second.name
    assert short_name("ü" * 200, "-2") == "ü" * 127 + "-2"


def header_of(name: str) -> Header:
    """What a subscriber reads in the header of a frame of this source."""
    with (
        closing(Publisher("zmq+tcp://127.0.0.1:*")) as publisher,
        subscribe(publisher.address) as frames,
    ):
        for _ in range(200):
            publisher.publish(PIXELS, source=name, sequence=0, pts_s=0.0)
            if (frame := frames.next_frame(0.05)) is not None:
                return frame.header
    raise AssertionError("nothing came")


def test_every_camera_of_a_batch_reaches_a_subscriber() -> None:
    four = ("synthetic:160x96@30",) * 4
    job = LiveJob(sources=four, outputs=("zmq+tcp://127.0.0.1:*",))
    sources = _open_sources(job)
    with ExitStack() as outputs:
        (publisher,) = _open_outputs(job, sources, outputs)
        assert isinstance(publisher, Publisher)
        frames = outputs.enter_context(subscribe(publisher.address, every=True))
        first_frame(publisher, frames)
        for number in range(1, 21):
            batch = [processed(number, source.name) for source in sources]
            for frame in batch:
                publisher.write(frame)
            time.sleep(0.03)
        came: Counter[str] = Counter()
        while (received := frames.next_frame(0.5)) is not None:
            came[received.header.source] += 1
    assert came == {source.name: 20 for source in sources}


def test_last_frame_leaves_before_the_end() -> None:
    pixels = np.zeros((2048, 2048, 3), np.uint8)  # more than a socket buffers
    publisher = Publisher("zmq+tcp://127.0.0.1:*")
    with subscribe(publisher.address) as frames:
        first_frame(publisher, frames)
        publisher.publish(pixels, source="camera", sequence=7, pts_s=0.0)
        publisher.close()
        last = frames.next_frame(2)
    assert last is not None
    assert last.header.sequence == 7


def test_publisher_without_a_source_is_refused() -> None:
    with pytest.raises(ValueError, match="sources are 1 or more, not 0"):
        Publisher("zmq+tcp://127.0.0.1:*", sources=0)


def test_address_in_use_is_named(publisher: Publisher) -> None:
    with pytest.raises(OutputError, match="in use"):
        Publisher(f"zmq+{publisher.address}")


def test_outside_address_is_bound_when_one_insists() -> None:
    Publisher("zmq+tcp://0.0.0.0:*", insecure_bind=True).close()


def test_socket_file_of_a_publisher_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "socket"
    with socket(AF_UNIX) as killed:
        killed.bind(str(file))
    Publisher(f"zmq+ipc://{file}").close()


def test_other_files_are_not_replaced_by_a_socket(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("dear")
    with pytest.raises(OutputError, match="no socket; name another path"):
        Publisher(f"zmq+ipc://{file}")
    assert file.read_text() == "dear"


def test_nothing_is_bound_for_sources_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "socket"
    result = blur2blur("live", "foo://x", "--to", f"zmq+ipc://{file}")
    assert "nothing is known of foo://" in result.stderr
    assert not file.exists()


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00"
READY = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"SUB"
HUGE = struct.pack(">Q", 400 << 20)


@pytest.mark.parametrize("options", ["", "?format=imagezmq", "?key={key}&authorised={folder}"])
def test_stranger_who_announces_a_huge_message_is_cut_off(options: str, tmp_path: Path) -> None:
    """With its own bytes, as ZMTP 3.0 has them (https://rfc.zeromq.org/23)."""
    key = new_key("studio", tmp_path).with_suffix(".key_secret")
    uri = f"zmq+tcp://127.0.0.1:*{options.format(key=key, folder=tmp_path / 'authorised')}"
    with closing(Publisher(uri)) as publisher:
        port = int(publisher.address.rpartition(":")[2])
        with create_connection(("127.0.0.1", port), timeout=5) as stranger:
            mechanism = b"CURVE" if "key" in options else b"NULL"
            stranger.sendall(GREETING + mechanism.ljust(20, b"\0") + bytes(32))
            if mechanism == b"NULL":
                stranger.sendall(bytes([4, len(READY)]) + READY + b"\x02" + HUGE)
            else:
                stranger.sendall(b"\x06" + HUGE)
            with suppress(ConnectionResetError):
                while stranger.recv(4096):
                    pass


@needs_ipv6
def test_frames_go_over_ipv6() -> None:
    with (
        closing(Publisher("zmq+tcp://[::1]:*")) as publisher,
        subscribe(publisher.address) as frames,
    ):
        first_frame(publisher, frames)


def test_chosen_port_is_told(tmp_path: Path) -> None:
    stats = tmp_path / "s.json"
    result = blur2blur(
        "live", "synthetic:160x96@0?seconds=0.5", "--to", "zmq+tcp://127.0.0.1:*",
        "--deblur", "off", "--stats", stats,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (output,) = json.loads(stats.read_text())["outputs"]
    assert f"publishing at {output['uri']}\n" in result.stderr
    assert re.fullmatch(r"tcp://127\.0\.0\.1:[1-9]\d*", output["uri"])
