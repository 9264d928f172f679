"""A network stream: RTSP, MJPEG over HTTP and whatever else FFmpeg reads from an address."""

from stream.capture.container import ContainerCapture, ContainerOptions
from stream.capture.source import SourceOptions
from stream.uri import host_of, scheme_of, without_credentials

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp", "srt", "rtp")

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


class NetworkStream:
    """A stream at an address, opened again with back-off when it is lost."""

    live = True
    reconnects = True
    own_clock = True

    def __init__(self, address: str, options: SourceOptions) -> None:
        self.uri = without_credentials(address)
        self.name = host_of(address) or "network"
        self._address = address
        self._options = options

    def open(self) -> ContainerCapture:
        scheme = scheme_of(self._address)
        options = dict(_PROBING)
        if scheme in ("rtsp", "rtsps"):
            options |= {"rtsp_transport": "tcp", "max_delay": "0", "reorder_queue_size": "0"}
        return ContainerCapture(
            self._address,
            ContainerOptions(
                what=self.uri,
                options=options,
                open_timeout_s=OPEN_TIMEOUT_S,
                read_timeout_s=READ_TIMEOUT_S,
                low_delay=True,
                clockless=("mpjpeg", "mjpeg"),
                size=self._options.size,
                advice="is the address right, and is the camera on and in the same network?",
            ),
        )
