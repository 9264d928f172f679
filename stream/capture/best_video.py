"""Which of a container's video streams is shown."""

from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

PLAYLISTS = ("hls", "dash")
"""Formats that list segments of seconds; they offer the same video in several sizes, the first of
which is any."""


def best_video(container: InputContainer) -> VideoStream | None:
    """The video stream that FFmpeg takes for the best one; of HLS and DASH the largest variant, of
    those of one size that of the highest rate. None where there is no video, or none that can be
    decoded: PyAV crashes where FFmpeg has no decoder."""
    decodable = [stream for stream in container.streams.video if stream.codec_context is not None]
    if container.format.name in PLAYLISTS:
        return max(decodable, key=_size_and_rate, default=None)
    best = container.streams.best("video")
    return best if best in decodable else None


def leave_others(container: InputContainer, stream: VideoStream) -> None:
    """Read only this stream; variants that are not read are not fetched either."""
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all


def _size_and_rate(stream: VideoStream) -> tuple[int, int]:
    codec = stream.codec_context
    rate = stream.metadata.get("variant_bitrate", "")
    return codec.width * codec.height, int(rate) if rate.isdecimal() else 0
