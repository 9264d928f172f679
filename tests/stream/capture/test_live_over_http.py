"""Live streams over HTTP that are no camera's MJPEG: FLV, MP4 in fragments."""

import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from stream.capture import look_at, open_source
from stream.capture.synthetic import read_number
from tests.conftest import MakeClip, picture
from tests.stream.capture.test_web_address import serving


@pytest.mark.parametrize("sound", [False, True])
def test_live_flv_opens_soon_with_sound_and_without(tmp_path: Path, sound: bool) -> None:
    flv = live_flv(tmp_path / "clip.flv", sound)

    class Sender(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            step = len(flv) // 120
            with suppress(OSError):
                for at in range(0, len(flv), step):
                    self.wfile.write(flv[at : at + step])
                    time.sleep(0.05)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with serving(Sender) as address:
        source = open_source(f"{address}/live.flv?key=1")
        start = time.monotonic()
        look_at([source])
        assert time.monotonic() - start < 2.5
        with closing(source.open()) as capture:
            numbers = [read_number(picture.pixels) for picture in islice(capture.pictures(), 20)]
    assert source.live
    assert numbers == list(range(20))


def live_flv(path: Path, sound: bool) -> bytes:
    """Six seconds, whose length is not told."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        beside = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        for number in range(150):
            shown = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(video.encode(shown))
            if beside is not None:
                heard = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.float32), "fltp", "mono")
                heard.sample_rate = 8000
                container.mux(beside.encode(heard))
        container.mux(video.encode(None))
    return path.read_bytes().replace(b"duration", b"\0" * 8)


@pytest.mark.parametrize("made_now", [True, False])
def test_mp4_in_fragments_is_live_where_it_is_made_while_it_is_sent(
    make_clip: MakeClip, made_now: bool
) -> None:
    """Then a server knows no length to send before it."""
    fragments = {"codec": "libx264", "pixel_format": "yuv420p", "options": {"g": "5"}}
    clip = make_clip("clip.ismv", **fragments).read_bytes()

    class Sender(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = b"" if made_now else b"Content-Length: %d\r\n" % len(clip)
            self.wfile.write(b"HTTP/1.0 200 OK\r\n" + length + b"\r\n" + clip)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with serving(Sender) as address:
        source = open_source(f"{address}/stream.mp4")
        look_at([source])
        assert source.live == source.reconnects == source.own_clock == made_now
        with closing(source.open()) as capture:
            assert (capture.info.frames is None) == made_now
            assert len(list(islice(capture.pictures(), 20))) == 20
