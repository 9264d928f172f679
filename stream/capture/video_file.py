"""A video file: every frame with its own pts, or played like a live camera."""

from pathlib import Path

from stream.capture.clock import ArrivalClock, PlaybackClock
from stream.capture.container import ContainerCapture, ContainerOptions
from stream.capture.source import SourceOptions
from stream.errors import SourceError


class VideoFile:
    """A file on disk.

    With ``options.realtime`` it plays at its own rate from the first read on and the newest frame
    wins; a frame counts as captured when it is due.
    """

    reconnects = False
    own_clock = False

    def __init__(self, path: Path, options: SourceOptions, name: str | None = None) -> None:
        self.name = name or path.stem
        self.uri = str(path)
        self.live = options.realtime
        self._path = path
        self._options = options

    def open(self) -> ContainerCapture:
        path = self._path
        if path.is_dir():
            raise SourceError(f"{path} is a folder; name a video file in it")
        if not path.exists():
            raise SourceError(f"{path} does not exist; is the path right?")
        return ContainerCapture(
            str(path.resolve()),
            ContainerOptions(
                what=str(path),
                low_delay=self.live,
                size=self._options.size,
                advice="is it a complete video file?",
            ),
            clock=PlaybackClock() if self.live else ArrivalClock(),
        )
