"""A camera of this machine through FFmpeg's devices: V4L2, AVFoundation, DirectShow."""

import errno
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from stream.capture.clock import DriverClock
from stream.capture.container import ContainerCapture, ContainerOptions
from stream.capture.source import Size, SourceOptions, StreamInfo
from stream.errors import SourceError

_DEFAULT_SIZE = Size(640, 480)
_DEFAULT_FPS = 30.0
_LINUX_CAMERAS = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class CameraDevice:
    """How FFmpeg finds a camera on this platform: its device format and the device's address."""

    format: str
    address: str


class Camera:
    """A camera by number, name or device path.

    MJPEG is asked for first, since raw pictures of most USB cameras run at a fraction of the rate
    (YUYV 720p: 10 a second); then whatever the camera gives. What was negotiated is compared with
    what was asked.
    """

    live = True
    reconnects = True
    own_clock = True

    def __init__(
        self, which: str, options: SourceOptions, device: CameraDevice | None = None
    ) -> None:
        self.name = "camera-" + (re.sub(r"\W+", "-", which).strip("-") or "0")
        self.uri = f"camera:{which}"
        self._which = which
        self._device = device
        self._options = options

    def open(self) -> "CameraCapture":
        device = self._device or find_device(self._which)  # its path may change when it comes back
        first_error: SourceError | None = None
        for options in self._attempts(device):
            try:
                return CameraCapture(device, self.uri, options, self._options)
            except SourceError as error:
                first_error = first_error or error
                if _is_final(error):
                    break
        assert first_error is not None
        raise first_error

    def _attempts(self, device: CameraDevice) -> list[dict[str, str]]:
        asked = {
            "video_size": str(self._options.size or _DEFAULT_SIZE),
            "framerate": f"{self._options.fps or _DEFAULT_FPS:g}",
        }
        compressed = {"video4linux2": {"input_format": "mjpeg"}, "dshow": {"vcodec": "mjpeg"}}
        first = compressed.get(device.format, {})
        return [{**asked, **first}, *([asked] if first else []), {}]


class CameraCapture(ContainerCapture):
    """An open camera; pictures carry the driver's time where its clock is ours."""

    def __init__(
        self,
        device: CameraDevice,
        uri: str,
        ffmpeg_options: dict[str, str],
        asked: SourceOptions,
    ) -> None:
        options = ContainerOptions(
            what=uri,
            format=device.format,
            options=ffmpeg_options,
            open_timeout_s=5.0,
            read_timeout_s=5.0,
            low_delay=True,
            advice="see `blur2blur doctor` for the cameras of this machine",
        )
        super().__init__(device.address, options, clock=DriverClock())
        self._asked = asked

    @property
    def info(self) -> StreamInfo:
        got = self._info
        size, fps = self._asked.size or _DEFAULT_SIZE, self._asked.fps or _DEFAULT_FPS
        notes = []
        if (got.width, got.height) != (size.width, size.height):
            notes.append(f"asked for {size}, the camera gives {got.width}x{got.height}")
        if got.fps and abs(got.fps - fps) > 0.05 * fps:
            notes.append(f"asked for {fps:g} frames a second, the camera gives {got.fps:g}")
        return StreamInfo(
            width=got.width, height=got.height, fps=got.fps, format=got.format, notes=tuple(notes)
        )


def find_device(which: str, linux_cameras: Path = _LINUX_CAMERAS) -> CameraDevice:
    """The camera that a number, a name or a path means on this platform.

    Args:
        linux_cameras: where Linux keeps a folder with the file ``name`` for each device.

    Raises:
        SourceError: there is no camera of that name or number, where this can be known already.
    """
    if sys.platform == "linux":
        if which.isdecimal():
            return CameraDevice("video4linux2", f"/dev/video{which}")
        address = which if which.startswith("/") else _named_on_linux(which, linux_cameras)
        return CameraDevice("video4linux2", address)
    if sys.platform == "darwin":
        return CameraDevice("avfoundation", f"{which}:none")
    name = which if not which.isdecimal() else _nth_directshow_camera(int(which))
    return CameraDevice("dshow", f"video={name}")


def list_cameras() -> list[str]:
    """Cameras that can be opened now, as ``camera:…`` understands them."""
    if sys.platform == "linux":
        return sorted(str(path) for path in Path("/dev").glob("video*"))
    import av

    found = av.enumerate_input_devices("avfoundation" if sys.platform == "darwin" else "dshow")
    return [device.description or device.name for device in found if "video" in device.media_types]


def _named_on_linux(name: str, folder: Path) -> str:
    """The device of a camera's name; the first of several, as a webcam's second gives no video."""
    files = sorted(folder.glob("video*/name"), key=lambda file: (len(file.parent.name), file))
    names = {f"/dev/{file.parent.name}": _read_name(file) for file in files}
    for device, known in names.items():
        if known.casefold() == name.casefold():
            return device
    there = ", ".join(f"{known!r} ({device})" for device, known in names.items())
    raise SourceError(f"camera:{name}: no camera has this name; there is {there or 'none at all'}")


def _read_name(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # unplugged at this moment
        return ""


def _nth_directshow_camera(index: int) -> str:
    names = list_cameras()
    if index >= len(names):
        raise SourceError(f"camera {index} does not exist; this machine has {len(names)}")
    return names[index]


def _is_final(error: SourceError) -> bool:
    """Asking again in another format does not help where there is no such device."""
    hopeless = (errno.ENOENT, errno.ENODEV, errno.EACCES, errno.EBUSY)
    return any(os.strerror(number) in str(error) for number in hopeless)
