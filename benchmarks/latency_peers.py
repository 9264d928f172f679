"""Who is at the other end in the loads of `bench latency`: subscribers, and a publisher.

Each is finished with the times at which frames were handed over, and returns figures for its row.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from threading import Event, Thread
from typing import Any

import numpy as np

from benchmarks.runs import percentiles
from stream.capture import open_source
from stream.errors import StreamError
from stream.output.publisher import Publisher
from stream.subscription import Subscription

_SUBSCRIBER_START_S = 20.0


class Subscriber:
    """Takes frames in a thread and works on each for a while."""

    def __init__(self, publisher: Publisher, work_s: float) -> None:
        self._subscription = Subscription(publisher.address)
        self._work_s = work_s
        self._ages_ms: list[float] = []
        self._thread = Thread(target=self._work, name="subscriber", daemon=True)
        self._thread.start()

    def finish(self, _: Sequence[int]) -> dict[str, Any]:
        self._subscription.close()
        self._thread.join()
        return {"subscriber_age_ms": percentiles(self._ages_ms)}

    def _work(self) -> None:
        for frame in self._subscription:
            self._ages_ms.append(frame.age_ms())
            time.sleep(self._work_s)


CAN_STOP_PROCESSES = hasattr(signal, "SIGSTOP")
"""Not so on Windows."""


class StoppedSubscriber:
    """A process that subscribes, takes a frame, and is halted."""

    _PROGRAM = """
import sys
from stream.subscription import subscribe
for frame in subscribe(sys.argv[1]):
    print("one", flush=True)
"""

    def __init__(self, publisher: Publisher) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._PROGRAM, publisher.address],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        pixels = np.zeros((480, 640, 3), np.uint8)
        deadline = time.monotonic() + _SUBSCRIBER_START_S
        while not self._process.stdout.readline():
            if time.monotonic() > deadline:
                self.finish()
                raise StreamError("the subscriber that was to be stopped never got a frame")
            publisher.publish(pixels, source="camera-0", sequence=0, pts_s=0.0)
            time.sleep(0.02)
        self._process.send_signal(signal.SIGSTOP)

    def finish(self, _: Sequence[int] = ()) -> dict[str, Any]:
        self._process.kill()
        self._process.communicate()
        return {}


class ComingAndGoing:
    """A publisher of a source's frames that closes its socket for 2 s in the middle."""

    def __init__(self, uri: str, seconds: float) -> None:
        publisher = Publisher("zmq+tcp://127.0.0.1:*")
        self.address = publisher.address
        self._gone_at, self._back_at = seconds / 3, seconds / 3 + 2
        self._returned_ns = 0
        self._stop = Event()
        self._thread = Thread(target=self._publish, args=(uri, publisher), daemon=True)
        self._thread.start()

    def finish(self, handed_ns: Sequence[int]) -> dict[str, Any]:
        self._stop.set()
        self._thread.join()
        after = [handed for handed in handed_ns if handed > self._returned_ns > 0]
        back_ms = (after[0] - self._returned_ns) / 1e6 if after else None
        return {"back_after_ms": None if back_ms is None else round(back_ms, 1)}

    def _publish(self, uri: str, first: Publisher) -> None:
        publisher: Publisher | None = first
        pictures = open_source(uri).open().pictures()
        begin = time.monotonic()
        for number, picture in enumerate(pictures):
            now = time.monotonic() - begin
            if self._stop.is_set():
                break
            if self._gone_at <= now < self._back_at:
                if publisher is not None:
                    publisher.close()
                    publisher = None
                continue
            if publisher is None:
                publisher = Publisher(f"zmq+{self.address}")
                self._returned_ns = time.perf_counter_ns()
            publisher.publish(picture.pixels, source="camera", sequence=number, pts_s=picture.pts_s)
        if publisher is not None:
            publisher.close()
