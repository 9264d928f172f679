"""A network stream: RTSP, MJPEG over HTTP and whatever else FFmpeg reads from an address; or a file
at a web address."""

from enum import Enum

from stream.capture.clock import (
    LONGEST_SEGMENT_S,
    ArrivalClock,
    CaptureClock,
    PlaybackClock,
    SegmentClock,
)
from stream.capture.container import ContainerCapture, ContainerOptions
from stream.capture.held_picture import HeldPicture
from stream.capture.source import Capture, SourceOptions
from stream.errors import SourceError
from stream.uri import host_of, scheme_of, without_credentials

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp", "srt", "rtp")

_WEB = ("http", "https")
_NOT_VIDEO = "it answered, but not with video; most apps have it under /video or /mjpeg"

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 5.0

_PROBING = {
    "probesize": "5000000",
    # In microseconds: until a key picture tells the size; senders make one every few seconds.
    "analyzeduration": "4000000",
    # No pictures are waited for to measure a rate, and what was probed is not thrown away, as
    # nobuffer would: a transport stream shows after 0.1 s, not with its second key picture (2 s).
    "fpsprobesize": "0",
}
# They tell the size at once; FLV without sound is searched for sound all this time.
_FLV = {"analyzeduration": "1000000"}
_SEGMENTS = {"analyzeduration": "1000000", "live_start_index": "-1"}
_RTSP = {"rtsp_transport": "tcp", "max_delay": "0", "reorder_queue_size": "0"}


class _Kind(Enum):
    """What is at an address."""

    STREAM = "stream"
    SEGMENTS = "live stream in segments"
    FILE = "file"


class NetworkStream:
    """A stream at an address, opened again with back-off when it is lost.

    What http:// gives may be a file: it tells how long it is, or is a picture. Then it is one as on
    disk: every frame counts, or with ``options.realtime`` it plays at its own rate. Or it may be a
    live stream in segments, which plays at its own rate, too, from the newest one on. This is known
    after :meth:`look`, or the first :meth:`open`, and stays so: a file that is there when a stream
    is opened again, as the picture of a camera that is busy, is no stream.
    """

    def __init__(self, address: str, options: SourceOptions) -> None:
        self.uri = without_credentials(address)
        self.name = host_of(address) or "network"
        self.live = self.reconnects = self.own_clock = True
        self._address = address
        self._options = options
        self._is_web = scheme_of(address) in _WEB
        self._kind = None if self._is_web else _Kind.STREAM  # None until it is known
        self._ahead: ContainerCapture | SourceError | None = None

    def look(self) -> None:
        """Open what may be a file ahead, to know what it is; an error is kept for the opening.

        A live stream stays open, as some cameras serve one connection only.
        """
        if self._kind is not None or self._ahead is not None:
            return
        try:
            capture = self._open()
        except SourceError as error:
            self._ahead = error
            return
        self._kind = _kind_of(capture)
        if self._kind is _Kind.STREAM:
            self._ahead = capture
            return
        capture.close()  # to be opened as what it is
        if self._kind is _Kind.FILE:
            self.live = self._options.realtime
            self.reconnects = self.own_clock = False

    def open(self) -> Capture:
        self.look()
        ahead, self._ahead = self._ahead, None
        if isinstance(ahead, SourceError):
            raise ahead
        capture = ahead or self._open()
        if self._is_web and self._kind is not _Kind.FILE and capture.ends:
            capture.close()
            raise SourceError(f"{self.uri} has a file or a picture there now, and had a stream")
        return HeldPicture(capture) if self._kind is _Kind.FILE and self.live else capture

    def _open(self) -> ContainerCapture:
        is_file, in_segments = self._kind is _Kind.FILE, self._kind is _Kind.SEGMENTS
        return ContainerCapture(
            self._address,
            ContainerOptions(
                what=self.uri,
                options=self._ffmpeg_options(),
                open_timeout_s=OPEN_TIMEOUT_S,
                read_timeout_s=3 * LONGEST_SEGMENT_S if in_segments else READ_TIMEOUT_S,
                silence_s=LONGEST_SEGMENT_S if in_segments else 0.0,
                low_delay=self.live,
                clockless_by_arrival=not is_file,
                size=self._options.size,
                may_be_turned=is_file,
                advice="is the address right, and is the camera on and in the same network?",
                not_video=_NOT_VIDEO if self._is_web else "",
            ),
            clock=self._clock(),
        )

    def _ffmpeg_options(self) -> dict[str, str]:
        if self._kind is _Kind.FILE:
            return {}
        if self._kind is _Kind.SEGMENTS:
            return _PROBING | _SEGMENTS
        if scheme_of(self._address) in ("rtsp", "rtsps"):
            return _PROBING | _RTSP
        return _PROBING | (_FLV if _is_flv(self._address) else {})

    def _clock(self) -> CaptureClock:
        if self._kind is _Kind.SEGMENTS:
            return SegmentClock()
        return PlaybackClock() if self._kind is _Kind.FILE and self.live else ArrivalClock()


def _kind_of(capture: ContainerCapture) -> _Kind:
    if capture.ends:
        return _Kind.FILE
    return _Kind.SEGMENTS if capture.in_segments else _Kind.STREAM


def _is_flv(address: str) -> bool:
    return scheme_of(address) == "rtmp" or address.partition("?")[0].lower().endswith(".flv")
