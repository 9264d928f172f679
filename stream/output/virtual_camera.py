"""A virtual camera: the newest picture where video calls look for a webcam.

Needs the extra ``virtual-camera`` (pyvirtualcam) and a device that pictures can be sent to:
v4l2loopback on Linux, OBS's virtual camera on macOS and Windows.
"""

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stream.errors import OutputError
from stream.frame import ProcessedFrame
from stream.hands.overlay import Overlay
from stream.output.letterbox import letterboxed

if TYPE_CHECKING:
    from pyvirtualcam import Camera

_FPS = 30
"""What programs are told to expect; frames go when they come."""
_AGAIN_S = 0.5
_HOW = {
    "linux": "`sudo apt install v4l2loopback-dkms`, then `sudo modprobe v4l2loopback "
    'exclusive_caps=1 card_label="Blur2Blur"`',
    "darwin": "install OBS, start its virtual camera once, and close it",
    "win32": "install OBS, which brings one",
}


class VirtualCamera:
    """The newest picture as a camera that other programs can open.

    The camera has the size of the first picture (of even sides, as programs want them); others
    are fitted into it. While nothing new comes the last picture is sent again twice a second:
    silence is taken for a camera that was unplugged.

    Args:
        device: such as ``/dev/video10``; the first that is free where it is empty.
        several: there are several sources.

    Raises:
        OutputError: pyvirtualcam is not installed, or there are several sources.
    """

    every_frame = False
    main_thread = False

    def __init__(self, device: str = "", *, several: bool = False) -> None:
        self.uri = f"virtual-camera:{device}" if device else "virtual-camera"
        if several:
            raise OutputError(f"{self.uri} shows one source; start a run a source")
        try:
            import pyvirtualcam  # noqa: F401
        except ImportError as error:
            raise OutputError(
                f"{self.uri} needs pyvirtualcam ({error}): "
                "pip install 'blur2blur-live[virtual-camera]'"
            ) from None
        self._device = device or None
        self._camera: Camera | None = None
        self._picture = np.zeros((0, 0, 3), np.uint8)
        self._sent_s = 0.0
        self._overlay = Overlay()

    def write(self, frame: ProcessedFrame) -> None:
        pixels = self._overlay.over(frame)
        if self._camera is None:
            self._camera = self._open(*pixels.shape[:2])
        self._send(_fitted(pixels, self._camera.height, self._camera.width))

    def idle(self) -> None:
        if self._camera is not None and time.monotonic() - self._sent_s > _AGAIN_S:
            self._send(self._picture)

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()

    def _open(self, height: int, width: int) -> "Camera":
        import pyvirtualcam

        try:
            return pyvirtualcam.Camera(
                width - width % 2, height - height % 2, _FPS, device=self._device
            )
        except RuntimeError as error:
            how = f"; to have one: {_HOW[sys.platform]}" if sys.platform in _HOW else ""
            why = str(error).rstrip(".")
            raise OutputError(f"{self.uri} cannot be opened: {why}{how}") from None

    def _send(self, pixels: NDArray[np.uint8]) -> None:
        assert self._camera is not None
        try:
            self._camera.send(pixels)
        except RuntimeError as error:
            raise OutputError(f"{self.uri}: {error}") from None
        self._picture, self._sent_s = pixels, time.monotonic()


def _fitted(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Without an odd last line, or as large as it fits in."""
    if (pixels.shape[0] - height, pixels.shape[1] - width) in {(0, 0), (1, 0), (0, 1), (1, 1)}:
        return np.ascontiguousarray(pixels[:height, :width])
    return letterboxed(pixels, height, width)
