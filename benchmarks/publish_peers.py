"""One side of one publisher in a process of its own, for `bench publish`; prints JSON at the end.

Run: python -m benchmarks.publish_peers send|receive PEER PORT SECONDS WORK_MS

A frame is 1280x720 RGB, of random pixels. Its first bytes hold when it was made
(``perf_counter_ns``) and a checksum of the rest, so that every peer carries the same and the
receiver can tell its age.
"""

import json
import os
import signal
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import growth_mib, rss_mib

Pixels = NDArray[np.uint8]

OURS = "blur2blur"
PEERS = (OURS, "imagezmq pub/sub", "imagezmq req/rep", "netgear pub/sub", "netgear req/rep")
OURS_IPC = "blur2blur ipc"
FPS = 30

_SIZE = (720, 1280, 3)
_STAMP = struct.Struct("<qI")
_PICTURES = 8
_NETGEAR: dict[str, Any] = {"jpeg_compression": False}


def pictures() -> Iterator[Pixels]:
    """Stamped frames, each in a buffer of its own, for ever."""
    random = np.random.default_rng(0)
    bases = [random.integers(0, 256, _SIZE, dtype=np.uint8) for _ in range(_PICTURES)]
    sums = [zlib.crc32(base.reshape(-1)[_STAMP.size :].data) for base in bases]
    number = 0
    while True:
        frame = bases[number % _PICTURES].copy()
        stamp = _STAMP.pack(time.perf_counter_ns(), sums[number % _PICTURES])
        frame.reshape(-1)[: _STAMP.size] = np.frombuffer(stamp, np.uint8)
        yield frame
        number += 1


def read_stamp(frame: Pixels) -> tuple[int, bool]:
    """When the frame was made, and whether its pixels are as they were sent."""
    flat = np.ascontiguousarray(frame).reshape(-1)
    made_ns, checksum = _STAMP.unpack(flat[: _STAMP.size].tobytes())
    return made_ns, zlib.crc32(flat[_STAMP.size :].data) == checksum


def sender(peer: str, port: int) -> Callable[[Pixels], None]:
    """A function that sends one frame."""
    if peer in (OURS, OURS_IPC):
        return _our_sender(_our_address(peer, port))
    if peer.startswith("imagezmq"):
        import imagezmq

        if peer.endswith("pub/sub"):
            out = imagezmq.ImageSender(connect_to=f"tcp://*:{port}", REQ_REP=False)
        else:
            out = imagezmq.ImageSender(connect_to=f"tcp://127.0.0.1:{port}")
        return lambda frame: out.send_image("camera", frame)
    from vidgear.gears import NetGear

    gear = NetGear(address="127.0.0.1", port=str(port), pattern=_netgear_pattern(peer), **_NETGEAR)
    return lambda frame: gear.send(frame)


def receiver(peer: str, port: int) -> Callable[[], Pixels | None]:
    """A function that waits for a frame; None where there will be no more."""
    if peer in (OURS, OURS_IPC):
        from stream.subscription import subscribe

        subscription = subscribe(_our_address(peer, port))

        def receive() -> Pixels | None:
            frame = subscription.next_frame(5.0)
            return None if frame is None else frame.pixels

        return receive
    if peer.startswith("imagezmq"):
        import imagezmq

        if peer.endswith("pub/sub"):
            hub = imagezmq.ImageHub(open_port=f"tcp://127.0.0.1:{port}", REQ_REP=False)
            return lambda: hub.recv_image()[1]
        answering = imagezmq.ImageHub(open_port=f"tcp://127.0.0.1:{port}")

        def receive_and_answer() -> Pixels:
            frame: Pixels = answering.recv_image()[1]
            answering.send_reply(b"OK")
            return frame

        return receive_and_answer
    from vidgear.gears import NetGear

    gear = NetGear(
        address="127.0.0.1",
        port=str(port),
        pattern=_netgear_pattern(peer),
        receive_mode=True,
        **_NETGEAR,
    )
    return lambda: gear.recv()


def send(peer: str, port: int, seconds: float) -> dict[str, Any]:
    """Send on an own clock: what comes due while the peer blocks is dropped, as a camera would.

    SIGTERM ends it, also where it waits for an answer.
    """
    put = sender(peer, port)
    frames = pictures()
    signal.signal(signal.SIGTERM, _end)
    begin = time.perf_counter()
    cpu = time.process_time()
    tick = sent = dropped = 0
    with suppress(_Ended):
        while (now := time.perf_counter() - begin) < seconds:
            due = tick / FPS
            if now < due:
                time.sleep(due - now)
            put(next(frames))
            sent += 1
            missed = max(0, int((time.perf_counter() - begin) * FPS) - tick - 1)
            dropped += missed
            tick += 1 + missed
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    passed = time.perf_counter() - begin
    return {
        "sent": sent,
        "dropped": dropped,
        "cpu_share": round((time.process_time() - cpu) / passed, 3),
    }


class _Ended(Exception):  # noqa: N818
    """The measurement is over."""


def _end(*_: object) -> None:
    raise _Ended


def receive(peer: str, port: int, seconds: float, work_ms: float) -> dict[str, Any]:
    """Take frames for so long, and work so long on each; ages are those when the work begins."""
    get = receiver(peer, port)
    ages_ms: list[float] = []
    corrupt = 0
    cpu = 0.0
    end = rss_before = None
    while end is None or time.perf_counter() < end:
        frame = get()
        came_ns = time.perf_counter_ns()
        if frame is None:
            break
        made_ns, whole = read_stamp(frame)
        ages_ms.append((came_ns - made_ns) / 1e6)
        corrupt += not whole
        if end is None:
            end, cpu = time.perf_counter() + seconds, time.process_time()
        if rss_before is None and len(ages_ms) > 5:
            rss_before = rss_mib()
        time.sleep(work_ms / 1000)
    return {
        "age_ms": {
            "p50": round(float(np.percentile(ages_ms, 50)), 3),
            "p95": round(float(np.percentile(ages_ms, 95)), 3),
            "last": round(ages_ms[-1], 3),
        },
        "rss_growth_mib": growth_mib(rss_before),
        "received": len(ages_ms),
        "corrupt": corrupt,
        "cpu_share": round((time.process_time() - cpu) / seconds, 3),
    }


def _our_address(peer: str, port: int) -> str:
    if peer == OURS_IPC:
        return f"zmq+ipc:///tmp/blur2blur-bench-{port}"
    return f"zmq+tcp://127.0.0.1:{port}"


def _our_sender(address: str) -> Callable[[Pixels], None]:
    from stream.output.publisher import Publisher

    publisher = Publisher(address)
    numbers = count()

    def put(pixels: Pixels) -> None:
        number = next(numbers)
        publisher.publish(pixels, source="camera", sequence=number, pts_s=number / FPS)

    return put


def _netgear_pattern(peer: str) -> int:
    return 2 if peer.endswith("pub/sub") else 1


def main() -> None:
    role, peer, port, seconds, work_ms = sys.argv[1:]
    if role == "send":
        result = send(peer, int(port), float(seconds))
    else:
        result = receive(peer, int(port), float(seconds), float(work_ms))
    print(json.dumps(result), flush=True)
    os._exit(0)  # peers leave threads behind that wait for ever


if __name__ == "__main__":
    main()
