"""A video file: every frame with its own pts, or played like a live camera."""

import os.path
from pathlib import Path

from stream.capture.clock import ArrivalClock, PlaybackClock
from stream.capture.container import ContainerCapture, ContainerOptions
from stream.capture.held_picture import HeldPicture
from stream.capture.source import Capture, SourceOptions
from stream.errors import SourceError
from stream.uri import with_forgotten_scheme, without_credentials

_CALLED_CAMERA = ("camera", "webcam", "cam")


class VideoFile:
    """A file on disk.

    Paths are looked at with ``os.path``, which takes one that is too long or forbidden as missing.
    With ``options.realtime`` it plays at its own rate from the first read on and the newest frame
    wins; a frame counts as captured when it is due. A photograph is then held until nobody looks.
    """

    reconnects = False
    own_clock = False

    def __init__(self, path: Path, options: SourceOptions, name: str | None = None) -> None:
        self.uri = without_credentials(str(path))  # an address whose scheme was forgotten
        stem = Path(self.uri).stem.encode("utf-8", "replace")  # file names may be any bytes
        self.name = name or stem.decode()
        self.live = options.realtime
        self.path = path
        self._options = options

    def open(self) -> Capture:
        path = str(self.path)
        if os.path.isdir(path):
            raise SourceError(f"{self.uri} is a folder; name a video file in it")
        if not os.path.exists(path):
            raise SourceError(f"{self.uri} does not exist; {_meant(self.uri)}?")
        capture = ContainerCapture(
            os.path.abspath(path),
            ContainerOptions(
                what=self.uri,
                may_be_turned=os.path.isfile(path),
                low_delay=self.live,
                size=self._options.size,
                advice="is it a complete video file?",
            ),
            clock=PlaybackClock() if self.live else ArrivalClock(),
        )
        return HeldPicture(capture) if self.live else capture


def _meant(name: str) -> str:
    """What may be meant by a file's name where there is no such file."""
    if name.lower() in _CALLED_CAMERA:
        return "a camera is 0, or 1 and so on: did you mean `blur2blur live 0`"
    address = None if os.path.exists(name.partition("/")[0]) else with_forgotten_scheme(name)
    return f"did you mean {address}" if address else "is the path right"
