"""A ZeroMQ publisher: every subscriber gets the newest frames, none holds another up."""

import time
from collections.abc import Sequence

import numpy as np
import zmq
from numpy.typing import NDArray

from engines.engine import EngineFacts
from stream.endpoint import Endpoint, parse_endpoint
from stream.errors import OutputError, SourceLeftOutError, StreamError
from stream.frame import Frame, ProcessedFrame
from stream.hands.landmarks import TrackedFrame
from stream.keys import AuthorisedKeys, authorised_folder, load_key
from stream.output.authenticator import Authenticator
from stream.output.socket_file import socket_file_problem
from stream.wire import (
    VERSION,
    Encoding,
    EngineNote,
    HandNote,
    HandsNote,
    Header,
    WireError,
    checked_header,
    clock_name,
    encoded,
    pack,
    pack_imagezmq,
)

_WAITING = 2
"""Frames that may wait for a subscriber, times the sources: those of a batch are sent within
microseconds, and ZeroMQ sees about once a millisecond that some have left."""
_LINGER_MS = 200
_MAX_REQUEST_BYTES = 4096
"""Of what a subscriber sends: greetings with keys, and topics of 256 bytes at most."""
_OPTIONS = {"encoding", "quality", "format", "key", "authorised"}


class Publisher:
    """Publishes ``[topic, header, pixels]``, see ``stream.wire``.

    A subscriber that is slow misses frames; at most twice as many as there are sources wait for it
    here, whatever it does. Raw pixels are sent without a copy: frames are never written to after
    they were made.

    Args:
        uri: ``zmq+tcp://127.0.0.1:5555`` or ``zmq+ipc:///path``, with ``encoding=raw|jpeg``,
            ``quality=1...100``, ``format=imagezmq`` (for the hub of that package), ``key=NAME`` and
            ``authorised=FOLDER`` behind a ``?``.
        sources: how many cameras' frames may be sent at once; all of them find room.
        insecure_bind: allow an address that other machines reach without keys.

    Raises:
        OutputError: the address cannot be bound, or would let in anybody.
        ValueError: there is no source.

    Attributes:
        uri: where it is bound.
        chosen: the system chose the port, so nobody knows it until told.
    """

    every_frame = False
    main_thread = False

    def __init__(self, uri: str, *, sources: int = 1, insecure_bind: bool = False) -> None:
        if sources < 1:
            raise ValueError(f"sources are 1 or more, not {sources}")
        try:
            endpoint = parse_endpoint(uri, _OPTIONS)
            self.encoding, self.quality = _encoding(endpoint)
            self.imagezmq = _is_imagezmq(endpoint)
            self.uri = endpoint.address
            if "authorised" in endpoint.options and "key" not in endpoint.options:
                raise OutputError(
                    f"{endpoint.address}: authorised= is given, but not key=, the publisher's own, "
                    "without which anybody may watch; add &key=NAME (`blur2blur keys new NAME`)"
                )
            if not endpoint.loopback and "key" not in endpoint.options and not insecure_bind:
                raise OutputError(
                    f"{endpoint.address} can be reached by other machines, and anybody there could "
                    "watch: make keys with `blur2blur keys new`, then add ?key=NAME, or say "
                    "--insecure-bind"
                )
            self._context = zmq.Context()
            self._socket = self._bind(endpoint, _WAITING * sources)
        except OutputError:
            raise
        except StreamError as error:
            raise OutputError(str(error)) from None
        self._clock = clock_name()
        self.chosen = endpoint.chosen_when_bound
        if self.chosen:
            self.uri = self.address

    @property
    def address(self) -> str:
        """Where it is bound, with the port that was chosen for ``tcp://…:*``."""
        return self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def write(self, frame: ProcessedFrame) -> None:
        try:
            self._socket.send_multipart(self._parts(frame), copy=False)
        except (WireError, UnicodeEncodeError) as error:
            raise SourceLeftOutError(
                f"{self.uri}: a frame is not sent, as no subscriber would take it: {error}"
            ) from None
        except zmq.ZMQError as error:
            raise OutputError(f"{self.uri}: {error}") from None

    def _parts(self, frame: ProcessedFrame) -> Sequence[bytes | memoryview]:
        captured = frame.captured
        if self.imagezmq:
            return pack_imagezmq(
                captured.source, frame.pixels, self.encoding, jpeg_quality=self.quality
            )
        body = encoded(frame.pixels, self.encoding, jpeg_quality=self.quality)
        header = Header(
            version=VERSION,
            source=captured.source,
            sequence=captured.sequence,
            width=int(frame.pixels.shape[1]),
            height=int(frame.pixels.shape[0]),
            dtype="uint8",
            encoding=self.encoding,
            pts_s=captured.pts_s,
            captured_ns=captured.captured_ns,
            engine_ns=frame.finished_ns,
            published_ns=time.perf_counter_ns(),
            wall_ns=time.time_ns(),
            clock=self._clock,
            bypassed=frame.bypassed,
            blur=frame.blur,
            engine=None if frame.engine is None else _note(frame.engine),
            hands=None if frame.hands is None else _hands_note(frame.hands),
        )
        parts = pack(header, body)
        checked_header(*parts[:2])
        return parts

    def publish(
        self,
        pixels: NDArray[np.uint8],
        *,
        source: str,
        sequence: int,
        pts_s: float,
        captured_ns: int | None = None,
    ) -> None:
        """Publish pixels of one's own, captured now if no time is given.

        Args:
            pixels: uint8 (H, W, 3) RGB, contiguous; they must not be written to afterwards.
            captured_ns: by ``time.perf_counter_ns``, not the wall clock; a subscriber takes what
                lies ahead, or more than a minute back, as captured when it came.

        Raises:
            OutputError: they cannot be sent, or the wire does not know such a frame (see WIRE.md).
        """
        if not _is_picture(pixels):
            raise OutputError(f"{self.uri}: pixels are a contiguous uint8 array of (H, W, 3)")
        now_ns = time.perf_counter_ns()
        frame = Frame(
            pixels=pixels,
            source=source,
            sequence=sequence,
            pts_s=pts_s,
            captured_ns=now_ns if captured_ns is None else captured_ns,
            posted_ns=now_ns,
        )
        self.write(
            ProcessedFrame(
                captured=frame,
                pixels=pixels,
                bypassed=True,
                blur=None,
                taken_ns=now_ns,
                finished_ns=now_ns,
            )
        )

    def idle(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Give what waits a moment to leave."""
        self._socket.close(linger=_LINGER_MS)
        self._context.term()

    def _bind(self, endpoint: Endpoint, waiting: int) -> "zmq.Socket[bytes]":
        socket = self._context.socket(zmq.PUB)
        try:
            socket.setsockopt(zmq.SNDHWM, waiting)  # has no effect after bind
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.MAXMSGSIZE, _MAX_REQUEST_BYTES)
            socket.setsockopt(zmq.IPV6, endpoint.ipv6)
            if "key" in endpoint.options:
                self._require_keys(socket, endpoint)
            if endpoint.file is not None and (problem := socket_file_problem(endpoint.file)):
                raise OutputError(f"{endpoint.address} cannot be bound: {problem}")
            socket.bind(endpoint.address)
        except BaseException as error:
            socket.close(linger=0)
            self._context.term()
            if isinstance(error, zmq.ZMQError):
                raise OutputError(f"{endpoint.address} cannot be bound: {error}") from None
            raise
        return socket

    def _require_keys(self, socket: "zmq.Socket[bytes]", endpoint: Endpoint) -> None:
        own = endpoint.options["key"]
        key = load_key(own, with_secret=True)
        folder = authorised_folder(endpoint.options.get("authorised"), own)
        Authenticator(self._context, AuthorisedKeys(folder))
        socket.curve_publickey = key.public
        socket.curve_secretkey = key.secret
        socket.curve_server = True
        socket.setsockopt(zmq.ZAP_DOMAIN, b"publisher")
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, True)  # nobody comes in unasked


def _is_picture(pixels: object) -> bool:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        return False
    return pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.flags.c_contiguous


def _encoding(endpoint: Endpoint) -> tuple[Encoding, int]:
    encoding = endpoint.options.get("encoding", "raw")
    quality = endpoint.options.get("quality", "90")
    if encoding not in ("raw", "jpeg"):
        raise OutputError(f"{endpoint.address}: encoding is raw or jpeg, not {encoding!r}")
    if not quality.isdecimal() or not 1 <= int(quality) <= 100:
        raise OutputError(f"{endpoint.address}: quality is 1 to 100, not {quality!r}")
    if encoding == "raw" and "quality" in endpoint.options:
        raise OutputError(f"{endpoint.address}: quality is that of JPEG; add &encoding=jpeg")
    return ("jpeg" if encoding == "jpeg" else "raw"), int(quality)


def _is_imagezmq(endpoint: Endpoint) -> bool:
    wanted = endpoint.options.get("format", "blur2blur")
    if wanted not in ("blur2blur", "imagezmq"):
        raise OutputError(f"{endpoint.address}: format is blur2blur or imagezmq, not {wanted!r}")
    return wanted == "imagezmq"


def _note(facts: EngineFacts) -> EngineNote:
    return EngineNote(
        backend=facts.backend,
        device=facts.device[:200],
        precision=facts.precision,
        profile=facts.profile[:200],
    )


def _hands_note(tracked: TrackedFrame) -> HandsNote:
    return HandsNote(
        sequence=tracked.sequence,
        captured_ns=tracked.captured_ns,
        hands=[
            HandNote(
                side=hand.side,
                track=hand.track,
                held=hand.held,
                points=_rounded(hand.points, 2),
                world=_rounded(hand.world, 5),
            )
            for hand in tracked.hands
        ],
    )


def _rounded(points: NDArray[np.float32], digits: int) -> list[tuple[float, float, float]]:
    return [(x, y, z) for x, y, z in np.round(points.astype(float), digits).tolist()]
