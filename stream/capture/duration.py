"""How long a container says that it lasts, and whether it ends at all."""

from av.container import InputContainer
from av.video.stream import VideoStream

from stream.capture.best_video import PLAYLISTS

_FROM_ZERO = ("matroska,webm", "nut")
"""Formats whose duration ends with the last picture and begins at 0, whenever the first comes."""

_LISTS = (*PLAYLISTS, "mpjpeg")
"""Formats of which the length of what was fetched first tells nothing of what follows."""


def ends(container: InputContainer, video: VideoStream) -> bool:
    """Whether it tells how long it is: a file or a picture, not a live stream."""
    if lasts_s(container, video):
        return True
    return container.size > 0 and container.format.name not in _LISTS


def lasts_s(container: InputContainer, video: VideoStream) -> float | None:
    """From the first timestamp to the end, by the container's header; None where it does not tell.

    An MP4 that is made while it is sent has a duration, too: of the fragments that came until now.
    """
    made_now = container.format.name.startswith("mov,") and container.size <= 0 and not video.frames
    if container.duration is None or made_now:
        return None
    begins = (container.start_time or 0) if container.format.name in _FROM_ZERO else 0
    return max(container.duration - begins, 0) / 1e6


def promised_s(container: InputContainer, video: VideoStream) -> float | None:
    """How long the video is by the header; sound beside it may last longer."""
    whole_s = lasts_s(container, video)
    if whole_s is not None and video.duration is not None and video.time_base is not None:
        return float(video.duration * video.time_base)
    return whole_s if len(container.streams) == 1 else None
