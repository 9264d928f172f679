import time
from contextlib import closing
from dataclasses import replace

import pytest

from stream.capture import SourceOptions, open_source
from stream.capture.source import Size, SourceState
from stream.frame import Frame
from stream.output import open_output
from stream.output.publisher import Publisher
from tests.stream.capture.test_network import free_port, wait_for
from tests.stream.capture.workers import capture_worker
from tests.stream.publishing import processed
from tests.stream.test_publish_subscribe import two_cameras


def test_pictures_are_fitted_into_the_size_that_was_asked(publisher: Publisher) -> None:
    with two_cameras(publisher):  # of 160x96
        options = SourceOptions(size=Size(80, 80))
        source = open_source(f"zmq+{publisher.address}?source=left", options)
        with closing(source.open()) as capture:
            assert (capture.info.width, capture.info.height) == (80, 48)
            assert next(iter(capture.pictures())).pixels.shape == (48, 80, 3)


def test_publisher_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.capture.subscriber.OPEN_TIMEOUT_S", 0.3)
    address = f"zmq+tcp://127.0.0.1:{free_port()}"
    said: list[str] = []
    frames: list[Frame] = []
    worker = capture_worker(
        open_source(address),
        deliver=frames.append,
        say=said.append,
    )
    worker.start()
    time.sleep(2)
    assert worker.status.state is SourceState.OPENING
    assert worker.status.reason.startswith(f"waiting for {address.removeprefix('zmq+')}: nothing")
    assert len(said) == 1, "it is said once"
    publisher = open_output(address)
    assert isinstance(publisher, Publisher)
    with closing(publisher), two_cameras(publisher):
        monkeypatch.setattr("stream.capture.subscriber.OPEN_TIMEOUT_S", 5.0)
        wait_for(lambda: worker.status.state is SourceState.LIVE and frames, 15)
        worker.stop()
        assert worker.join(10)


@pytest.mark.parametrize("publisher", ["tcp"], indirect=True)
def test_publisher_of_few_frames_is_shown(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With longer between two of them than is waited for one."""
    monkeypatch.setattr("stream.capture.subscriber.OPEN_TIMEOUT_S", 1.0)
    frames: list[Frame] = []
    worker = capture_worker(
        open_source(f"zmq+{publisher.address}"),
        deliver=frames.append,
    )
    worker.start()
    for number in range(5):
        time.sleep(2)
        publisher.write(processed(number))
        if frames:
            break
    worker.stop()
    assert frames
    assert worker.join(10)


def test_wait_for_a_publisher_ends_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.capture.subscriber.OPEN_TIMEOUT_S", 0.3)
    ended: list[bool] = []
    worker = capture_worker(
        open_source(f"zmq+tcp://127.0.0.1:{free_port()}"),
        finished=lambda: ended.append(True),
    )
    worker.start()
    wait_for(lambda: worker.status.reason, 5)
    worker.stop()
    assert worker.join(2)
    assert ended == [True]


@pytest.mark.parametrize("wrong", ["tcp://no host:5555", "tcp://127.0.0.1:9?server=nobody"])
def test_wrong_address_or_key_is_not_waited_for(wrong: str) -> None:
    worker = capture_worker(
        open_source(f"zmq+{wrong}"),
    )
    worker.start()
    assert worker.join(5)
    assert worker.status.state is SourceState.FAILED


@pytest.mark.parametrize("publisher", ["tcp"], indirect=True)
def test_frames_that_were_deblurred_are_refused_where_captured_ones_are_wanted(
    publisher: Publisher,
) -> None:
    """Also where sharp ones came first, as with `--deblur auto`; and it is not tried again."""
    frames: list[Frame] = []
    worker = capture_worker(
        open_source(f"zmq+{publisher.address}", SourceOptions(as_captured=True)),
        deliver=frames.append,
    )
    worker.start()
    number = 0
    deadline = time.monotonic() + 20
    while worker.status.state is not SourceState.FAILED and time.monotonic() < deadline:
        sharp = len(frames) < 5
        frame = processed(number)
        publisher.write(replace(frame, bypassed=sharp, engine=None if sharp else frame.engine))
        number += 1
        time.sleep(0.02)
    assert worker.status.state is SourceState.FAILED
    assert "start the publisher with `--deblur off`" in worker.status.reason
    assert worker.join(5)
    assert len(frames) >= 5
    assert worker.status.reconnects == 0
