"""Where frames come from: :func:`open_source` turns an address into a source."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

from stream import endpoint
from stream.capture.camera import Camera
from stream.capture.network import SCHEMES, NetworkStream
from stream.capture.source import Source, SourceOptions
from stream.capture.subscriber import Subscriber
from stream.capture.synthetic import Synthetic, SyntheticSettings
from stream.capture.video_file import VideoFile
from stream.errors import SourceError
from stream.uri import scheme_of

DEMO_CLIP = Path(str(files("stream") / "demo" / "shaken-cup.mp4"))

__all__ = ["DEMO_CLIP", "Source", "SourceOptions", "look_at", "open_source"]


def open_source(uri: str, options: SourceOptions | None = None) -> Source:
    """The source that an address means; nothing is opened yet.

    ============================ ========================================================
    ``0``, ``camera:0``          a camera of this machine by number, or ``camera:NAME``
    ``/dev/video0``              the same by path
    ``clip.mp4``, ``file://…``   a video file
    ``rtsp://…``, ``http://…``   a network stream: IP camera, phone, MJPEG server; a web address
                                 may be that of a file, too
    ``zmq+tcp://``, ``zmq+ipc``  a publisher: another ``blur2blur live --to zmq+tcp://…``; of
                                 several sources the first, or ``…?source=NAME``
    ``demo``                     the clip that comes with the program
    ``synthetic:640x480@30``     a test pattern on its own clock
    ============================ ========================================================

    Raises:
        SourceError: the address is of no kind that this version knows.
    """
    options = options or SourceOptions()
    scheme = scheme_of(uri)
    if scheme in SCHEMES:
        return NetworkStream(uri, options)
    if scheme in endpoint.SCHEMES:
        return Subscriber(uri, options)
    if scheme == "file":
        from urllib.request import url2pathname  # it loads HTTP, which no other source needs

        path = uri[len("file://") :]
        if path.lower().startswith("localhost/"):  # this machine (RFC 8089)
            path = path[len("localhost") :]
        return VideoFile(Path(url2pathname(path)), options)
    if scheme:
        raise SourceError(
            f"nothing is known of {scheme}:// addresses; "
            "sources are a camera number, a file, or "
            + ", ".join(f"{known}://" for known in (*SCHEMES, *endpoint.SCHEMES))
        )
    if uri == "demo":
        demo = VideoFile(DEMO_CLIP, options, name="demo")
        demo.uri = uri
        return demo
    if uri.startswith("synthetic:"):
        return Synthetic(SyntheticSettings.parse(uri.removeprefix("synthetic:")))
    if uri.startswith("camera:"):
        return Camera(uri.removeprefix("camera:"), options)
    if uri.isdecimal() or uri.startswith("/dev/video"):
        return Camera(uri, options)
    if not uri.strip():
        raise SourceError("the source is empty; try `blur2blur live demo`")
    return VideoFile(Path(uri), options)


def look_at(sources: Iterable[Source]) -> None:
    """Find out what is at web addresses, all at once, as each may take seconds to answer.

    Whether a source is live, and has a clock of its own, is sure from then on.
    """
    streams = [source for source in sources if isinstance(source, NetworkStream)]
    with ThreadPoolExecutor(max(1, len(streams))) as pool:
        list(pool.map(NetworkStream.look, streams))
