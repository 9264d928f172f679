"""A recording: H.264 in MP4 or Matroska, each frame at its own time, playable whatever happens."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import chain, count
from mimetypes import guess_type
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from engines.files import folder_problem
from stream.errors import OutputError, SourceLeftOutError
from stream.frame import ProcessedFrame
from stream.hands.overlay import Overlay
from stream.output.letterbox import letterboxed

_CLOCK_HZ = 90_000
_DEFAULT_FPS = 30.0
_MAX_PERIOD = 5 * _CLOCK_HZ
_MAX_STEP = 6 * 3600 * _CLOCK_HZ
"""MP4 counts fewer than 2**31 ticks from one picture to the next."""
_MUXERS = {
    # Fragments of half a second while recording; a finished file is an ordinary MP4.
    ".mp4": {"flush_packets": "1", "movflags": "hybrid_fragmented", "frag_duration": "500000"},
    ".mkv": {"flush_packets": "1", "cluster_time_limit": "500"},
}
SUFFIXES = tuple(_MUXERS)
_ENCODER = {"preset": "veryfast", "tune": "zerolatency", "crf": "18"}
_HD_HEIGHT = 720
_IN_NO_NAME = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
"""What Windows, and the file systems of most sticks, refuse in a file's name."""
_MAX_NAME_BYTES = 255


class Recording:
    """A file, or one file a source where there are several.

    What was written until a crash, a kill or a full disk plays up to about half a second before it;
    of a few frames a second, up to two frames before. An MP4 keeps its index in memory.
    It begins at 0 with its first picture. The last one is shown as long as the one before it, 5 s
    at most; where none comes for over six hours, the one before is put in again.
    A picture with an odd side is padded by one line; one whose size changed midway is fitted into
    the size that the recording began with.

    Args:
        path: ends in .mp4 or .mkv; a file of that name is replaced when the first frame comes.
        sources: their names, which are put into the files' names where there are several.
        as_captured: record the pictures as they came, not deblurred and without hands.
        own_times: keep the times of the source, whenever its first picture comes.

    Raises:
        OutputError: the folder does not exist, the suffix is of another kind, or something that is
            no file has a file's name.

    Attributes:
        paths: the files, as many as there are sources.
    """

    every_frame = True
    main_thread = False

    def __init__(
        self,
        path: Path,
        *,
        sources: Sequence[str] = (),
        as_captured: bool = False,
        own_times: bool = False,
    ) -> None:
        self.uri = str(path)
        if path.suffix.lower() not in SUFFIXES:
            raise OutputError(
                f"{path}: recordings end in {' or '.join(SUFFIXES)}{_if_picture(path)}"
            )
        self._path = path
        self._several = len(sources) > 1
        self._as_captured = as_captured
        self._own_times = own_times
        self._paths: dict[str, Path] = {}
        self._files: dict[str, _VideoWriter] = {}
        self._overlay = Overlay()
        self.paths = [self._path_for(source) for source in sources] if self._several else [path]
        for file in self.paths:
            _check_may_be_written(file)

    def _path_for(self, source: str) -> Path:
        """Its name is one on every system. Where that of an earlier source is the same there, which
        may be blind to capitals, it gets a number."""
        if not self._several:
            return self._path
        if source not in self._paths:
            taken = {path.name.casefold() for path in self._paths.values()}
            numbers = chain([""], (f"-{n}" for n in count(2)))
            paths = (self._named_after(source, number) for number in numbers)
            self._paths[source] = next(p for p in paths if p.name.casefold() not in taken)
        return self._paths[source]

    def _named_after(self, source: str, number: str) -> Path:
        begin, end = f"{self._path.stem}-", f"{number}{self._path.suffix}"
        room = max(0, _MAX_NAME_BYTES - len(os.fsencode(begin + end)))
        name = _IN_NO_NAME.sub("_", source).encode("utf-8", "replace")[:room]
        return self._path.with_name(begin + name.decode("utf-8", "ignore") + end)

    def write(self, frame: ProcessedFrame) -> None:
        source, pts_s = frame.captured.source, frame.captured.pts_s
        pixels = frame.captured.pixels if self._as_captured else self._overlay.over(frame)
        try:
            if source not in self._files:
                self._files[source] = _VideoWriter(
                    self._path_for(source),
                    pixels,
                    begins_s=0.0 if self._own_times else pts_s,
                    fps=frame.captured.fps or _DEFAULT_FPS,
                )
            self._files[source].write(pixels, pts_s)
        except OutputError as error:
            if source in self._files:
                with suppress(OutputError):  # it is said already
                    self._files.pop(source).close()
            raise SourceLeftOutError(str(error)) from None

    def idle(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        failures = []
        for file in self._files.values():
            try:
                file.close()
            except OutputError as error:
                failures.append(str(error))
        self._files.clear()
        if failures:
            raise OutputError("; ".join(failures))


def _check_may_be_written(file: Path) -> None:
    if (problem := folder_problem(file)) is not None:
        raise OutputError(problem)
    if os.path.exists(file) and not os.path.isfile(file):
        raise OutputError(f"{file} is not a file but a folder, a pipe or a device; name a file")


class _VideoWriter:
    """One file being written; its 0 is at ``begins_s`` of the source."""

    def __init__(
        self, path: Path, first: NDArray[np.uint8], *, begins_s: float, fps: float
    ) -> None:
        self._path = path
        self._begins_s = begins_s
        self._height, self._width = first.shape[:2]
        self._last: VideoFrame | None = None
        self._last_pts = -1
        self._period = max(1, min(round(_CLOCK_HZ / fps), _MAX_PERIOD))
        # SD and HD players expect different colour matrices; the file says which one it has.
        hd = self._height >= _HD_HEIGHT
        self._matrix = Colorspace.ITU709 if hd else Colorspace.ITU601
        try:
            self._container: OutputContainer = av.open(
                os.path.abspath(path),  # a colon in a bare name would end a protocol's
                "w",
                options=_MUXERS[path.suffix.lower()],
            )
            self._stream = self._add_stream(1 if hd else 6, _rate(fps))
            self._stream.codec_context.open()
            self._container.start_encoding()  # the file is there, or it fails here
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(_problem(path, error)) from None

    def write(self, pixels: NDArray[np.uint8], pts_s: float) -> None:
        frame = VideoFrame.from_ndarray(self._fitted(pixels), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=self._matrix, dst_color_range=ColorRange.MPEG
        )
        frame.time_base = Fraction(1, _CLOCK_HZ)
        frame.pict_type = PictureType.NONE
        pts = max(round((pts_s - self._begins_s) * _CLOCK_HZ), self._last_pts + 1)
        while self._last is not None and pts - self._last_pts > _MAX_STEP:
            self._encode(self._last, self._last_pts + _MAX_STEP)
        self._encode(frame, pts)

    def _encode(self, frame: VideoFrame, pts: int) -> None:
        if self._last is not None:
            self._period = min(pts - self._last_pts, _MAX_PERIOD)
        frame.pts = pts
        self._last, self._last_pts = frame, pts
        try:
            for packet in self._stream.encode(frame):
                packet.duration = self._period  # counts where no other picture follows
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise self._broken_off(error) from None

    def close(self) -> None:
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise self._broken_off(error) from None

    def _add_stream(self, colour_tag: int, rate: Fraction) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=rate, options=_ENCODER)
        codec = stream.codec_context
        stream.width, stream.height = self._width + self._width % 2, self._height + self._height % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = codec.time_base = Fraction(1, _CLOCK_HZ)
        codec.gop_size = 30
        codec.colorspace = codec.color_primaries = codec.color_trc = colour_tag
        codec.color_range = ColorRange.MPEG
        return stream

    def _fitted(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if pixels.shape[:2] != (self._height, self._width):
            pixels = letterboxed(pixels, self._height, self._width)
        odd_rows, odd_columns = self._height % 2, self._width % 2
        if odd_rows or odd_columns:
            pixels = np.pad(pixels, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
        return pixels

    def _broken_off(self, error: Exception) -> OutputError:
        problem = _problem(self._path, error)
        if _plays(self._path):
            problem += "; what was recorded until now plays"
        return OutputError(problem)


def _if_picture(path: Path) -> str:
    """More to say where a single picture was meant."""
    kind, _ = guess_type(path.name)
    if kind is None or not kind.startswith("image/"):
        return ""
    return "; single pictures are shown in a window (`--to window`), but none is written"


def _rate(fps: float) -> Fraction:
    """As 24000/1001, which Matroska tells players; at least the slowest that it can tell."""
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))


def _problem(path: Path, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"{path} cannot be written: {reason}"


def _plays(path: Path) -> bool:
    """Whether the file has a picture that can be decoded."""
    try:
        with av.open(os.path.abspath(path)) as container:
            return any(True for _ in container.decode(video=0))
    except (av.error.FFmpegError, OSError, IndexError):
        return False
