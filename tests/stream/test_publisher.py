"""What a publisher can be asked for: other clients, addresses."""

import time

import cv2
import numpy as np
import pytest

from stream.errors import OutputError
from stream.output.publisher import Publisher
from tests.conftest import picture
from tests.stream.publishing import processed


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
