"""The real pyvirtualcam down to a backend, which is where a driver begins: there is none here."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.errors import OutputError
from stream.frame import Frame, ProcessedFrame
from stream.output import open_output
from stream.output.virtual_camera import VirtualCamera

pyvirtualcam = pytest.importorskip("pyvirtualcam")
camera = pytest.importorskip("pyvirtualcam.camera")


class Device:
    """A backend as pyvirtualcam asks for it; keeps what a driver would get."""

    opened: "list[Device]" = []  # noqa: RUF012

    def __init__(self, *, width: int, height: int, device: str | None, **_: object) -> None:
        self.size = (height, width)
        self.name = device or "any"
        self.pictures: list[NDArray[np.uint8]] = []
        self.closed = False
        Device.opened.append(self)

    def send(self, frame: NDArray[np.uint8]) -> None:
        self.pictures.append(frame.reshape(*self.size, 3).copy())

    def close(self) -> None:
        self.closed = True

    def device(self) -> str:
        return self.name

    def native_fourcc(self) -> None:
        return None


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Device]]:
    monkeypatch.setattr(camera, "BACKENDS", {})
    pyvirtualcam.register_backend("kept", Device)
    Device.opened = []
    yield Device.opened


def processed(pixels: NDArray[np.uint8]) -> ProcessedFrame:
    captured = Frame(pixels=pixels, source="cam", sequence=0, pts_s=0.0, captured_ns=0, posted_ns=0)
    return ProcessedFrame(
        captured=captured, pixels=pixels, bypassed=True, blur=None, taken_ns=0, finished_ns=0
    )


def picture(height: int, width: int, value: int = 90) -> NDArray[np.uint8]:
    pixels = np.full((height, width, 3), value, np.uint8)
    pixels[:, : width // 2, 0] = 200  # the left is red: neither colours nor sides change places
    return pixels


def test_pictures_arrive_as_they_are(devices: list[Device]) -> None:
    output = open_output("virtual-camera:/dev/video10")
    for value in (90, 91):
        output.write(processed(picture(48, 64, value)))
    (device,) = devices
    assert device.name == "/dev/video10"
    for sent, value in zip(device.pictures, (90, 91), strict=True):
        np.testing.assert_array_equal(sent, picture(48, 64, value))
    output.close()
    assert device.closed


def test_sides_are_even_and_the_size_stays(devices: list[Device]) -> None:
    output = VirtualCamera()
    output.write(processed(picture(49, 65)))
    output.write(processed(picture(49, 65)))
    output.write(processed(picture(96, 64)))
    (device,) = devices
    assert device.size == (48, 64)
    assert (device.pictures[1] == picture(49, 65)[:48, :64]).all()
    assert (device.pictures[2][:, :16] == 0).all(), "upright, in the middle, on black"
    assert device.pictures[2][24, 28, 0] == 200


def test_the_last_picture_is_sent_again_while_none_comes(
    devices: list[Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = VirtualCamera()
    output.idle()
    assert not devices, "before the first there is nothing to show"
    output.write(processed(picture(48, 64)))
    output.idle()
    assert len(devices[0].pictures) == 1
    monkeypatch.setattr("stream.output.virtual_camera._AGAIN_S", 0.0)
    output.idle()
    np.testing.assert_array_equal(*devices[0].pictures)


def test_without_a_device_it_is_said_how_to_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    output = VirtualCamera("/dev/video98")
    with pytest.raises(OutputError, match="virtual-camera:/dev/video98 cannot be opened") as caught:
        output.write(processed(picture(48, 64)))
    how = {"linux": "modprobe v4l2loopback", "darwin": "OBS", "win32": "OBS"}[sys.platform]
    assert how in str(caught.value)
    with pytest.raises(OutputError, match="one source"):
        open_output("virtual-camera", sources=("left", "right"))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(OutputError, match=r"blur2blur-live\[virtual-camera\]"):
        open_output("virtual-camera")
