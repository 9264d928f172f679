"""Cameras: FFmpeg's real device path over its virtual device, since no camera is at hand."""

import time
from pathlib import Path

import pytest

from stream.capture import open_source
from stream.capture.camera import Camera, CameraDevice, find_device, list_cameras
from stream.capture.clock import DriverClock
from stream.capture.source import Size, SourceOptions
from stream.errors import SourceError


def test_device_that_gives_something_else_says_so() -> None:
    device = CameraDevice("lavfi", "testsrc=size=320x240:rate=15")
    camera = Camera("0", SourceOptions(size=Size(640, 480), fps=30), device)
    capture = camera.open()
    assert (capture.info.width, capture.info.height, capture.info.fps) == (320, 240, 15)
    assert capture.info.notes == (
        "asked for 640x480, the camera gives 320x240",
        "asked for 30 frames a second, the camera gives 15",
    )
    assert next(capture.pictures()).pixels.shape == (240, 320, 3)
    capture.close()


def test_device_that_gives_what_was_asked_is_silent() -> None:
    device = CameraDevice("lavfi", "testsrc=size=640x480:rate=30")
    capture = Camera("0", SourceOptions(), device).open()
    assert capture.info.notes == ()
    capture.close()


def test_camera_that_is_not_there_points_to_the_doctor() -> None:
    with pytest.raises(SourceError, match="doctor"):
        open_source("camera:77").open()


def test_numbers_and_paths_mean_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert find_device("3") == CameraDevice("video4linux2", "/dev/video3")
    assert find_device("/dev/video1") == CameraDevice("video4linux2", "/dev/video1")
    monkeypatch.setattr("sys.platform", "darwin")
    assert find_device("0") == CameraDevice("avfoundation", "0:none")


def test_names_mean_devices_on_linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for number, name in {10: "HD Webcam", 2: "HD Webcam", 3: "HD Webcam", 4: "Microscope"}.items():
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(f"{name}\n")
    assert find_device("hd webcam", tmp_path).address == "/dev/video2"
    assert find_device("Microscope", tmp_path).address == "/dev/video4"
    with pytest.raises(SourceError, match=r"camera:Phone: .* 'Microscope' \(/dev/video4\)"):
        find_device("Phone", tmp_path)
    with pytest.raises(SourceError, match="there is none at all"):
        find_device("Phone", tmp_path / "none")


def test_camera_whose_name_is_not_there_is_an_error_when_it_is_opened() -> None:
    camera = open_source("camera:No such camera")
    with pytest.raises(SourceError, match="No such camera"):
        camera.open()


def test_listing_cameras_needs_none() -> None:
    assert isinstance(list_cameras(), list)


def test_driver_stamp_counts_where_its_clock_is_ours() -> None:
    clock = DriverClock()
    now_s = time.perf_counter_ns() / 1e9
    taken_s = now_s - 0.030
    clock.packet(taken_s, None)
    assert clock.captured_ns(taken_s) == round(taken_s * 1e9)


@pytest.mark.parametrize("offset_s", [-1e6, -5.0, 5.0, 1.7e9])
def test_stamp_of_another_clock_is_not_believed(offset_s: float) -> None:
    clock = DriverClock()
    foreign_s = time.perf_counter_ns() / 1e9 + offset_s
    clock.packet(foreign_s, None)
    age_s = (time.perf_counter_ns() - clock.captured_ns(foreign_s)) / 1e9
    assert 0 <= age_s < 1
