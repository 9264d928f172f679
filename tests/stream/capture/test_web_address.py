"""What is at a web address: a file, a picture, or a camera."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.server import (
    BaseHTTPRequestHandler,
    HTTPServer,
    SimpleHTTPRequestHandler,
    ThreadingHTTPServer,
)
from itertools import islice
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest

from stream.capture import SourceOptions, look_at, open_source
from stream.capture.network import NetworkStream
from stream.capture.source import SourceState
from stream.capture.synthetic import read_number
from stream.errors import SourceError
from stream.frame import Frame
from stream.provenance import is_filmed_now, kind_of
from tests.conftest import MakeClip, blur2blur, read_clip
from tests.mjpeg_server import Camera
from tests.stream.capture.test_network import wait_for
from tests.stream.capture.test_video_file import in_unknown_codec
from tests.stream.capture.workers import capture_worker


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(handler: object) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:  # type: ignore[arg-type]
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the files in the test's folder."""
    with serving(partial(Quiet, directory=str(tmp_path))) as address:
        yield address


def test_every_frame_of_a_file_at_a_web_address_is_recorded_with_its_own_time(
    web: str, make_clip: MakeClip, tmp_path: Path
) -> None:
    pts_ms = [*range(0, 1000, 40), 5000]
    address = f"{web}/{make_clip(pts_ms=pts_ms).name}"
    out = tmp_path / "out.mkv"
    result = blur2blur("live", address, "--deblur", "off", "--to", out)
    assert result.returncode == 0, result.stderr
    assert [round(1000 * pts_s) for pts_s, _ in read_clip(out)] == pts_ms


@pytest.mark.parametrize("realtime", [False, True])
def test_file_at_a_web_address_is_a_clip_to_a_session(
    web: str, make_clip: MakeClip, realtime: bool
) -> None:
    options, address = SourceOptions(realtime=realtime), f"{web}/{make_clip().name}"
    source = open_source(address, options)
    look_at([source])
    assert kind_of(source) == "clip"
    assert not is_filmed_now(source, address, options)


def test_file_at_a_web_address_that_cannot_be_decoded_is_an_error(
    web: str, make_clip: MakeClip
) -> None:
    source = open_source(f"{web}/{in_unknown_codec(make_clip).name}")
    look_at([source])
    with pytest.raises(SourceError, match="in a codec that cannot be decoded here"):
        source.open()


def test_server_of_one_connection_at_a_time_gives_a_file(make_clip: MakeClip) -> None:
    """A file that is larger than what sockets hold: the server waits for its reader."""
    raw = {"codec": "rawvideo", "pixel_format": "rgb24"}
    clip = make_clip("clip.nut", width=640, height=480, **raw)
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(clip.parent))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        source = open_source(f"http://127.0.0.1:{server.server_port}/{clip.name}")
        found: list[int] = []

        def read() -> None:
            with closing(source.open()) as capture:
                found.extend(read_number(picture.pixels) for picture in capture.pictures())

        reader = Thread(target=read, daemon=True)
        reader.start()
        reader.join(15)
        assert found == list(range(25))
        server.shutdown()


def test_file_at_a_web_address_plays_in_real_time(web: str, make_clip: MakeClip) -> None:
    source = open_source(f"{web}/{make_clip().name}", SourceOptions(realtime=True))
    start = time.monotonic()
    with closing(source.open()) as capture:
        assert len(list(capture.pictures())) == 25
    assert 0.9 < time.monotonic() - start < 3
    assert source.live and not source.own_clock and not source.reconnects


def test_picture_at_a_web_address_is_one_frame(web: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "snapshot.jpg"), np.full((96, 160, 3), 90, np.uint8))
    frames: list[Frame] = []
    worker = capture_worker(
        open_source(f"{web}/snapshot.jpg"),
        deliver=frames.append,
    )
    worker.start()
    assert worker.join(10)
    assert worker.status.state is SourceState.ENDED
    assert len(frames) == 1
    watched = open_source(f"{web}/snapshot.jpg", SourceOptions(realtime=True))
    with closing(watched.open()) as capture:
        assert len(list(islice(capture.pictures(), 3))) == 3, "held"


MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x96
small.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=320x192
large.m3u8
"""


def test_of_what_hls_offers_the_largest_is_taken_and_no_other_fetched(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    fetched: list[str] = []

    class Counting(Quiet):
        def send_head(self) -> object:  # type: ignore[override]
            fetched.append(self.path)
            return super().send_head()

    for name, width, height in [("small", 160, 96), ("large", 320, 192)]:
        parts = [f"{name}{number}.ts" for number in range(3)]
        for number, part in enumerate(parts):
            times_ms = range(number * 1000, number * 1000 + 1000, 40)
            make_clip(
                part, pts_ms=times_ms, width=width, height=height,
                codec="libx264", pixel_format="yuv420p",
            )  # fmt: skip
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1"]
        lines += [f"#EXTINF:1.0,\n{part}" for part in parts]
        (tmp_path / f"{name}.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
    (tmp_path / "master.m3u8").write_text(MASTER)
    with serving(partial(Counting, directory=str(tmp_path))) as address:
        source = open_source(f"{address}/master.m3u8")
        look_at([source])
        with closing(source.open()) as capture:
            shapes = [picture.pixels.shape for picture in capture.pictures()]
    assert shapes == [(192, 320, 3)] * 75
    assert "/large2.ts" in fetched and "/small2.ts" not in fetched


class BusyAtTimes(BaseHTTPRequestHandler):
    """A camera that is lost after ten pictures, then busy for one connection, then back."""

    connections = 0

    def do_GET(self) -> None:
        BusyAtTimes.connections += 1
        jpeg = cv2.imencode(".jpg", np.full((96, 160, 3), 90, np.uint8))[1].tobytes()
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        if BusyAtTimes.connections == 2:
            self.wfile.write(head + jpeg)
            return
        self.wfile.write(b"Content-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n")
        with suppress(OSError):
            for _ in range(10):
                self.wfile.write(b"--b\r\n" + head + jpeg + b"\r\n")
                time.sleep(0.02)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_picture_of_a_busy_camera_is_not_taken_for_the_stream_that_was_there() -> None:
    said: list[str] = []
    frames: list[Frame] = []
    with serving(BusyAtTimes) as address:
        source = open_source(f"{address}/video")
        worker = capture_worker(
            source,
            deliver=frames.append,
            say=said.append,
        )
        worker.start()
        wait_for(lambda: len(frames) > 12, 10)
        worker.stop()
        assert worker.join(10)
    assert source.live and source.own_clock and source.reconnects
    assert BusyAtTimes.connections >= 3
    assert "127.0.0.1 is live again" in said


def test_page_at_a_web_address_is_told_from_video(web: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html><h1>IP Webcam</h1></html>" * 50)
    with pytest.raises(SourceError, match=r"it answered, but not with video; .* /video or /mjpeg"):
        open_source(f"{web}/").open()


def test_camera_at_a_web_address_is_live_and_opened_once() -> None:
    class Counted(Camera):
        opened = 0

        def setup(self) -> None:  # of each connection
            Counted.opened += 1
            super().setup()

    with serving(Counted) as address:
        source = NetworkStream(f"{address}/video", SourceOptions())
        source.look()
        assert source.live and source.own_clock and source.reconnects
        with closing(source.open()) as capture:
            assert len(list(islice(capture.pictures(), 3))) == 3
    assert Counted.opened == 1
