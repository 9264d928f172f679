"""Reading pictures with FFmpeg through PyAV: what camera, network and file have in common."""

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import av
import av.error
import av.logging
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from stream.capture.best_video import PLAYLISTS, best_video, leave_others
from stream.capture.clock import ArrivalClock, CaptureClock
from stream.capture.colour import hdr_notes, to_rgb
from stream.capture.duration import ends, lasts_s, promised_s
from stream.capture.geometry import Orientation, fitted, with_square_pixels
from stream.capture.orientation import first_orientation, orientation_of
from stream.capture.source import Picture, Size, StreamInfo
from stream.errors import SourceError

av.logging.set_level(None)  # FFmpeg's own lines would print addresses with their passwords

_NO_TIMESTAMPS = 0x0080
"""FFmpeg's AVFMT_NOTIMESTAMPS, among a format's flags."""

_MAX_FPS = 1000


@dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """How a container is opened.

    Attributes:
        what: names the source in errors, without credentials.
        format: FFmpeg demuxer or device; None lets FFmpeg find out.
        options: FFmpeg options.
        open_timeout_s, read_timeout_s: None waits for ever.
        silence_s: so long a silence is nothing unusual.
        low_delay: hand pictures out as soon as they are decoded, their colours nearly exact.
        clockless_by_arrival: where the format has no timestamps the time of arrival counts; FFmpeg
            would invent some, and a rate.
        size: scale the pictures to fit into this.
        may_be_turned: look at the first picture for its orientation, as phones note it; the address
            must be one that can be opened again, as a file and not a pipe.
        advice: ends the error when it cannot be opened.
        not_video: what to say where something came that is no video.
    """

    what: str
    format: str | None = None
    options: Mapping[str, str] | None = None
    open_timeout_s: float | None = None
    read_timeout_s: float | None = None
    silence_s: float = 0.0
    low_delay: bool = False
    clockless_by_arrival: bool = False
    size: Size | None = None
    may_be_turned: bool = False
    advice: str = ""
    not_video: str = ""


class ContainerCapture:
    """The best video stream of an open container.

    Raises:
        SourceError: it cannot be opened in time, or has no video.
    """

    def __init__(
        self,
        address: str,
        options: ContainerOptions,
        *,
        clock: CaptureClock | None = None,
    ) -> None:
        self._options = options
        self._clock = clock or ArrivalClock()
        self._reading: Generator[Picture] | None = None
        self._damaged = 0
        # Before the rest: a web server may serve one connection at a time.
        first = _orientation_at(address, options) if options.may_be_turned else Orientation()
        self._container = _open(address, options)
        try:
            self._stream = self._best_video()
            codec = self._stream.codec_context
            # Frame threads hold pictures back; a live source wants each one at once.
            codec.thread_type = "SLICE" if options.low_delay else "AUTO"
            if options.low_delay and not codec.has_b_frames:  # or they would come out of turn
                codec.options = {"flags": "low_delay"}
            self._info = self._describe(first)
        except BaseException:
            self._container.close()
            raise

    @property
    def info(self) -> StreamInfo:
        return self._info

    @property
    def stream(self) -> VideoStream:
        return self._stream

    @property
    def ends(self) -> bool:
        """It tells how long it is: a file or a picture, not a live stream."""
        return ends(self._container, self._stream)

    @property
    def in_segments(self) -> bool:
        """It comes in segments of seconds, each all at once."""
        return self._container.format.name in PLAYLISTS

    def pictures(self) -> Iterator[Picture]:
        self._reading = self._pictures()
        return self._reading

    def _pictures(self) -> Generator[Picture]:
        time_base = float(self._stream.time_base or 0)
        period_s = 1.0 / (self._info.fps or 25.0)
        last_pts_s, end_s = -period_s, 0.0
        first_captured_ns: int | None = None
        for packet in self._packets():
            self._clock.packet(_seconds(packet.pts, time_base), _seconds(packet.dts, time_base))
            for frame in self._decode(packet):
                pts_s = _seconds(frame.pts, time_base)
                captured_ns = self._clock.captured_ns(pts_s)
                if self._info.by_arrival:
                    first_captured_ns = first_captured_ns or captured_ns
                    pts_s = (captured_ns - first_captured_ns) / 1e9
                elif pts_s is None:
                    pts_s = last_pts_s + period_s
                last_pts_s = pts_s
                end_s = max(end_s, pts_s + frame.duration * time_base)
                lost, self._damaged = self._damaged, 0
                yield Picture(self._rgb(frame, packet), pts_s, captured_ns, lost)
        self._check_complete(end_s)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.close()  # before FFmpeg frees what it may still look at
        self._container.close()

    def _best_video(self) -> VideoStream:
        stream = best_video(self._container)
        if stream is None:
            if self._container.streams.video:
                raise SourceError(
                    f"{self._options.what} is in a codec that cannot be decoded here; "
                    "convert it to H.264, say"
                )
            kinds = ", ".join(s.type for s in self._container.streams) or "nothing"
            raise SourceError(f"{self._options.what} holds no video, only {kinds}")
        if not stream.codec_context.width or not stream.codec_context.height:
            raise SourceError(
                f"{self._options.what} tells no picture size; it holds no playable video"
            )
        leave_others(self._container, stream)
        return stream

    def _packets(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._stream)
        except av.error.FFmpegError as error:
            raise SourceError(f"{self._options.what}: {self._reason(error)}") from None

    def _decode(self, packet: Any) -> list[VideoFrame]:
        try:
            return list(packet.decode())
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self._damaged += 1  # it costs its own pictures, not the stream
            return []

    def _rgb(self, frame: VideoFrame, packet: Any) -> NDArray[np.uint8]:
        orientation = orientation_of(frame, packet)
        upright = self._upright_size(Size(frame.width, frame.height), orientation)
        stored = orientation.size(upright)
        codec = self._stream.codec_context.name
        return orientation.upright(
            to_rgb(frame, stored, codec, exactly=not self._options.low_delay)
        )

    def _upright_size(self, stored: Size, orientation: Orientation) -> Size:
        square = with_square_pixels(stored, self._stream.sample_aspect_ratio)
        upright = orientation.size(square)
        return fitted(upright, self._options.size) if self._options.size else upright

    def _check_complete(self, end_s: float) -> None:
        """A file that ends a second and a tenth before its header says has lost its end."""
        whole_s = promised_s(self._container, self._stream)
        if whole_s is None:
            return
        came_s = end_s - (self._container.start_time or 0) / 1e6
        if came_s < 0.9 * whole_s - 1.0:
            raise SourceError(
                f"{self._options.what} is cut short: {max(came_s, 0):.1f} s came of the "
                f"{whole_s:.1f} s that it promises; copy or download it again"
            )

    def _describe(self, first: Orientation) -> StreamInfo:
        stream, codec = self._stream, self._stream.codec_context
        size = self._upright_size(Size(codec.width, codec.height), first)
        rate = stream.average_rate or codec.framerate or stream.guessed_rate
        by_arrival = self._options.clockless_by_arrival and _is_clockless(self._container)
        # FFmpeg makes one up, or it is the unit of the timestamps.
        if by_arrival or (rate and rate > _MAX_FPS):
            rate = None
        by_duration = (lasts_s(self._container, stream) or 0.0) * float(rate or 0)
        frames = stream.frames or round(by_duration)
        return StreamInfo(
            width=size.width,
            height=size.height,
            fps=float(rate) if rate else None,
            frames=frames or None,
            format=f"{codec.name} {codec.pix_fmt or ''}".strip(),
            notes=hdr_notes(codec.color_trc),
            by_arrival=by_arrival,
            silence_s=self._options.silence_s,
        )

    def _reason(self, error: av.error.FFmpegError) -> str:
        if isinstance(error, av.error.ExitError):
            return f"nothing came for {self._options.read_timeout_s:.0f} s"
        return _strerror(error)


def _is_clockless(container: InputContainer) -> bool:
    """Whether its format has no timestamps, as MJPEG or a raw H.264 stream."""
    return bool(container.format.flags & _NO_TIMESTAMPS)


def _orientation_at(address: str, options: ContainerOptions) -> Orientation:
    """That of the first picture."""
    with _open(address, options) as container:
        return first_orientation(container)


def _seconds(ticks: int | None, time_base: float) -> float | None:
    return None if ticks is None else ticks * time_base


def _open(address: str, options: ContainerOptions) -> InputContainer:
    what = options.what
    start_s = time.monotonic()
    advice = f"; {options.advice}" if options.advice else ""
    try:
        return av.open(
            address,
            mode="r",
            format=options.format,
            container_options=dict(options.options or {}),  # never to the decoders
            timeout=(options.open_timeout_s, options.read_timeout_s),
            metadata_errors="replace",
        )
    except av.error.FFmpegError as error:
        timeout_s = options.open_timeout_s
        # An interrupted demuxer may report whatever it was in the middle of.
        if timeout_s is not None and time.monotonic() - start_s >= timeout_s:
            raise SourceError(
                f"{what} did not answer with video within {timeout_s:.0f} s{advice}"
            ) from None
        if isinstance(error, av.error.InvalidDataError) and options.not_video:
            raise SourceError(f"{what} cannot be opened: {options.not_video}") from None
        raise SourceError(f"{what} cannot be opened: {_strerror(error)}{advice}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SourceError(f"{what} cannot be opened: {reason}{advice}") from None


def _strerror(error: av.error.FFmpegError) -> str:
    """FFmpeg's words without the address, which may hold a password."""
    return str(error.strerror or type(error).__name__)
