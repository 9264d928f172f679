"""Which way up pictures are, by what is noted beside them."""

from typing import Any

import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame

from stream.capture.best_video import best_video
from stream.capture.exif import exif_orientation
from stream.capture.geometry import Orientation


def first_orientation(container: InputContainer) -> Orientation:
    """That of the first picture, which is read; upright where there is none."""
    try:
        video = best_video(container)
        for packet in container.demux(video) if video else ():
            for frame in packet.decode():
                return orientation_of(frame, packet)
    except av.error.FFmpegError:
        pass
    return Orientation()


def orientation_of(frame: VideoFrame, packet: Any) -> Orientation:
    """That of a picture, which was decoded from this packet."""
    try:
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV gives none of it where there is EXIF, which it does not know
        noted = exif_orientation(bytes(packet))
        return Orientation.of_exif(noted) if noted else Orientation.of_rotation(frame.rotation)
    return Orientation() if matrix is None else Orientation.of_matrix(bytes(matrix))
