"""A network stream: RTSP, MJPEG over HTTP and whatever else FFmpeg reads from an address; or a file
at a web address."""

from stream.capture.clock import ArrivalClock, PlaybackClock
from stream.capture.container import ContainerCapture, ContainerOptions
from stream.capture.source import SourceOptions
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
_FLV_PROBING = {
    **_PROBING,
    # Senders tell the size at once; one without sound is searched for sound all this time.
    "analyzeduration": "1000000",
}


class NetworkStream:
    """A stream at an address, opened again with back-off when it is lost.

    What http:// gives may be a file: it tells how long it is, or is a picture. Then it is one as on
    disk: every frame counts, or with ``options.realtime`` it plays at its own rate. This is known
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
        self._is_file: bool | None = None if self._is_web else False  # None until it is known
        self._ahead: ContainerCapture | SourceError | None = None

    def look(self) -> None:
        """Open what may be a file ahead, to know whether it is; an error is kept for the opening.

        A live stream stays open, as some cameras serve one connection only.
        """
        if self._is_file is not None or self._ahead is not None:
            return
        try:
            self._ahead = self._open()
        except SourceError as error:
            self._ahead = error
            return
        self._is_file = self._ahead.ends
        if self._is_file:
            self._ahead.close()
            self._ahead = None
            self.live = self._options.realtime
            self.reconnects = self.own_clock = False

    def open(self) -> ContainerCapture:
        self.look()
        ahead, self._ahead = self._ahead, None
        if isinstance(ahead, SourceError):
            raise ahead
        capture = ahead or self._open()
        if self._is_web and not self._is_file and capture.ends:
            capture.close()
            raise SourceError(f"{self.uri} has a file or a picture there now, and had a stream")
        return capture

    def _open(self) -> ContainerCapture:
        scheme = scheme_of(self._address)
        probing = _FLV_PROBING if _is_flv(self._address) else _PROBING
        options = {} if self._is_file else dict(probing)
        if scheme in ("rtsp", "rtsps"):
            options |= {"rtsp_transport": "tcp", "max_delay": "0", "reorder_queue_size": "0"}
        return ContainerCapture(
            self._address,
            ContainerOptions(
                what=self.uri,
                options=options,
                open_timeout_s=OPEN_TIMEOUT_S,
                read_timeout_s=READ_TIMEOUT_S,
                low_delay=self.live,
                clockless_by_arrival=not self._is_file,
                size=self._options.size,
                may_be_turned=bool(self._is_file),
                advice="is the address right, and is the camera on and in the same network?",
                not_video=_NOT_VIDEO if self._is_web else "",
            ),
            clock=PlaybackClock() if self._is_file and self.live else ArrivalClock(),
        )


def _is_flv(address: str) -> bool:
    return scheme_of(address) == "rtmp" or address.partition("?")[0].lower().endswith(".flv")
