"""Subscribe to a publisher: the newest frame, however slow the loop is.

with subscribe("tcp://127.0.0.1:5555") as frames:
    for frame in frames:
        work_on(frame.pixels)
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socket import socketpair
from threading import TIMEOUT_MAX, Event, Lock, Thread
from types import TracebackType

import numpy as np
import zmq
from numpy.typing import NDArray

from stream.endpoint import Endpoint, parse_endpoint
from stream.errors import StreamError
from stream.keys import load_key, new_pair
from stream.subscription_counts import SubscriptionCounts
from stream.wire import Header, WireError, clock_name, unpack

_WAITING = 2
_POLL_MS = 100
_RECONNECT_MS = 100
_RECONNECT_MAX_MS = 1000
_HEARTBEAT_MS = 1000
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_CREDIBLE_AGE_NS = 60 * 10**9
"""Older than any engine leaves a frame that somebody watches; a stamp of another clock may be."""
OPTIONS = {"key", "server", "source"}


@dataclass(frozen=True, eq=False, kw_only=True)
class ReceivedFrame:
    """A frame that came over the wire.

    Attributes:
        header: everything that the publisher says of it.
        pixels: uint8 (height, width, 3) RGB, not to be written to.
        received_ns: ``perf_counter_ns`` when it was taken off the socket.
        same_clock: the header's stamps can be compared with ``perf_counter_ns`` here: they are of
            this machine's clock by the header, and of the last minute.
    """

    header: Header
    pixels: NDArray[np.uint8]
    received_ns: int
    same_clock: bool

    @property
    def captured_ns(self) -> int:
        """When it was captured by our own clock; when it came, where that cannot be known."""
        return self.header.captured_ns if self.same_clock else self.received_ns

    def age_ms(self) -> float:
        """Milliseconds since it was captured (or came, see :attr:`captured_ns`)."""
        return (time.perf_counter_ns() - self.captured_ns) / 1e6


class Subscription:
    """Frames of a publisher, which may come and go: ZeroMQ connects again by itself.

    Everything is taken off the socket at once, so that nothing grows old in a queue that nobody
    sees: by whoever waits for a frame, and by a thread while nobody does. (A frame that came to a
    thread first would reach the one who waits a fifth of a millisecond later.) Iterating waits for
    the next frame and ends after :meth:`close`.

    Args:
        address: ``tcp://host:port`` or ``ipc:///path``, ``zmq+`` in front or not, with
            ``key=NAME`` (one's own), ``server=NAME`` (the publisher's) and ``source=NAME`` behind a
            ``?``.
        source: take only frames of this source; if empty, of the address's, or of all.
        every: keep every frame in order, up to ``capacity``, instead of the newest of each source.
        capacity: how many wait at most; then the oldest goes.

    Raises:
        StreamError: the address or a key is wrong.
        ValueError: there is no room for a single frame.

    Attributes:
        source: the one whose frames it takes; empty for all.
    """

    def __init__(
        self, address: str, *, source: str = "", every: bool = False, capacity: int = 256
    ) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is 1 or more, not {capacity}")
        endpoint = parse_endpoint(address, OPTIONS)
        if "key" in endpoint.options and "server" not in endpoint.options:
            raise StreamError(
                f"{endpoint.address}: key= is given, but not server=, the publisher's public key, "
                "without which nothing is encrypted; add &server=NAME or the path of its NAME.key"
            )
        self.address = endpoint.address
        self.counts = SubscriptionCounts()
        self.source = source or endpoint.options.get("source", "")
        self._every = every
        self._capacity = capacity
        self._clock = clock_name()
        self._waiting: deque[ReceivedFrame] = deque()
        self._closed = False
        self._waiters = 0
        self._lock = Lock()  # of what waits, and of who waits
        self._turn = Lock()  # whoever holds it may use the socket
        self._unattended = Event()
        self._unattended.set()
        self._context = zmq.Context()
        self._socket = self._connect(endpoint)
        self._bell, self._ring = socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._bell, zmq.POLLIN)
        self._thread = Thread(target=self._attend, name=f"subscription {address}", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[ReceivedFrame]:
        while (frame := self.next_frame()) is not None:
            yield frame

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def next_frame(self, timeout_s: float | None = None) -> ReceivedFrame | None:
        """Wait for a frame; None when the time is over or the subscription was closed.

        Args:
            timeout_s: None or more than years for as long as it takes.
        """
        if (frame := self._pop()) is not None:
            return frame
        if timeout_s is not None and timeout_s > TIMEOUT_MAX:
            timeout_s = None
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self._attending():
            if not self._turn.acquire(timeout=-1 if timeout_s is None else max(timeout_s, 0)):
                return None
            try:
                while (frame := self._pop()) is None and not self._closed:
                    left_ms = math.inf if end is None else 1000 * (end - time.monotonic())
                    if left_ms <= 0:
                        return None
                    self._receive(math.ceil(min(_POLL_MS, left_ms)))
                return frame
            finally:
                self._turn.release()

    def narrow(self, source: str) -> None:
        """Take only frames of this source from now on, where those of all were taken."""
        with self._attending(), self._turn, self._lock:
            self._socket.setsockopt(zmq.SUBSCRIBE, source.encode())
            self._socket.setsockopt(zmq.UNSUBSCRIBE, b"")
            self.source = source
            self._waiting = deque(f for f in self._waiting if f.header.source == source)

    def close(self) -> None:
        """Take no more frames; whoever waits is woken."""
        self._closed = True
        self._unattended.set()
        self._ring_bell()
        self._thread.join()

    def _connect(self, endpoint: Endpoint) -> "zmq.Socket[bytes]":
        socket = self._context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, _WAITING)  # has no effect after connect
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE_BYTES)
        socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
        socket.setsockopt(zmq.IPV6, endpoint.ipv6)
        try:
            if "server" in endpoint.options:
                own = endpoint.options.get("key")
                key = new_pair() if own is None else load_key(own, with_secret=True)
                socket.curve_serverkey = load_key(
                    endpoint.options["server"], with_secret=False
                ).public
                socket.curve_publickey, socket.curve_secretkey = key.public, key.secret
            socket.setsockopt(zmq.SUBSCRIBE, self.source.encode())
            socket.connect(endpoint.address)
        except BaseException as error:
            socket.close(linger=0)
            self._context.term()
            if isinstance(error, zmq.ZMQError | UnicodeError):
                raise StreamError(_no_connection(endpoint.address, error)) from None
            raise
        return socket

    def _attend(self) -> None:
        """Empty the socket whenever nobody waits for a frame."""
        while not self._closed:
            self._unattended.wait()
            with self._turn:
                while self._unattended.is_set() and not self._closed:
                    self._receive(_POLL_MS)
        with self._turn:
            self._socket.close(linger=0)
            self._context.term()
            self._bell.close()
            self._ring.close()

    @contextmanager
    def _attending(self) -> Iterator[None]:
        """Have the thread leave the socket to the caller."""
        with self._lock:
            self._waiters += 1
            self._unattended.clear()
        self._ring_bell()
        try:
            yield
        finally:
            with self._lock:
                self._waiters -= 1
                if not self._waiters:
                    self._unattended.set()

    def _ring_bell(self) -> None:
        """Wake whoever polls."""
        with suppress(OSError):  # it has not heard the last thousand yet, or is closed
            self._ring.send(b"!")

    def _receive(self, timeout_ms: int) -> None:
        """Take what comes next, if it comes in time; holds :attr:`_turn`."""
        ready = dict(self._poller.poll(timeout_ms))
        if self._bell.fileno() in ready:
            self._bell.recv(4096)
        if self._socket in ready:
            self._take(self._socket.recv_multipart(copy=False))

    def _pop(self) -> ReceivedFrame | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _take(self, parts: list[zmq.Frame]) -> None:
        counts = self.counts
        try:
            header, pixels = unpack([part.buffer for part in parts])
        except WireError as error:
            counts.malformed += 1
            counts.reason = str(error)
            return
        if self.source and header.source != self.source:
            return  # ZeroMQ subscribes to all topics that begin so
        counts.count(header)
        received_ns = time.perf_counter_ns()
        frame = ReceivedFrame(
            header=header,
            pixels=pixels,
            received_ns=received_ns,
            same_clock=bool(self._clock)
            and header.clock == self._clock
            and 0 <= received_ns - header.captured_ns <= _CREDIBLE_AGE_NS,
        )
        with self._lock:
            self._replace(frame)
            self._waiting.append(frame)

    def _replace(self, frame: ReceivedFrame) -> None:
        """Make room: the older frame of the same source goes, or the oldest where all are kept."""
        waiting = self._waiting
        if not self._every:
            for old in waiting:
                if old.header.source == frame.header.source:
                    waiting.remove(old)
                    self.counts.replaced += 1
                    return
        while len(waiting) >= self._capacity:
            waiting.popleft()
            self.counts.replaced += 1


def _no_connection(address: str, error: zmq.ZMQError | UnicodeError) -> str:
    reason = "it is not UTF-8"
    if isinstance(error, zmq.ZMQError):
        reason = zmq.strerror(error.errno or 0)
    return f"{address} cannot be connected to: {reason}; is it like tcp://127.0.0.1:5555?"


def subscribe(
    address: str, *, source: str = "", every: bool = False, capacity: int = 256
) -> Subscription:
    """Subscribe to a publisher, see :class:`Subscription`."""
    return Subscription(address, source=source, every=every, capacity=capacity)
