"""A real sender of numbered pictures for tests, in a process of its own: PyAV's listening sockets
let no other thread run.

Run: python tests/stream_sender.py ADDRESS FORMAT CODEC GOP
"""

import itertools
import sys
import time
from fractions import Fraction

import av

import stream  # noqa: F401  (OpenCV before PyAV, see there)
from tests.conftest import picture

FPS = 25


def send(address: str, muxer: str, codec: str, gop: int) -> None:
    with av.open(address, "w", format=muxer) as container:
        out = container.add_stream(codec, rate=FPS)
        assert isinstance(out, av.VideoStream)
        out.width, out.height = 160, 96
        out.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        out.codec_context.gop_size, out.codec_context.max_b_frames = gop, 0
        start = time.monotonic()
        for number in itertools.count():
            time.sleep(max(0.0, start + number / FPS - time.monotonic()))
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(out.encode(frame))
            if number == 0:
                print("ready", flush=True)


if __name__ == "__main__":
    address, muxer, codec, gop = sys.argv[1:]
    print("begins", flush=True)
    send(address, muxer, codec, int(gop))
