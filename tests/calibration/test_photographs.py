"""Photographs: found, split, and read whole or not at all."""

import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.photographs import find_photographs, read_photograph, split_photographs
from tests.conftest import discs


def test_split_is_by_photograph_and_stable(photographs: Path) -> None:
    paths = find_photographs([photographs])
    train, held_out = split_photographs(paths)
    assert sorted(train + held_out) == paths
    assert len(held_out) == 1
    more = [*paths, photographs / "another.png"]
    assert set(split_photographs(more)[1]) & set(paths) <= set(held_out) | {more[-1]}


def test_what_was_trained_on_or_tested_on_stays_so(photographs: Path) -> None:
    paths = find_photographs([photographs])
    train, held_out = split_photographs(paths)
    trained, tested = ({path.name for path in part} for part in (train, held_out))
    for number in range(40):
        more = [*paths, *(photographs / f"{number}-{n}.png" for n in range(4))]
        after, out = split_photographs(more, trained=trained, tested=tested)
        assert set(train) < set(after)
        assert set(held_out) <= set(out)
        assert len(out) >= 1
    assert not split_photographs(paths, trained=[path.name for path in paths])[1]


@pytest.mark.parametrize(
    "coding",
    [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 4]],
    ids=["baseline", "progressive", "restarts"],
)
def test_jpeg_that_is_cut_off_is_not_taken_for_a_picture(tmp_path: Path, coding: list[int]) -> None:
    """OpenCV fills up with grey what is missing."""
    path = tmp_path / "x.jpg"
    whole = cv2.imencode(".jpg", discs(3, 200), coding)[1].tobytes()
    thumbnail = cv2.imencode(".jpg", discs(3, 40))[1].tobytes()
    noted = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    for data in (whole, whole[:2] + noted + whole[2:], whole + b"\xff\xda and a film"):
        path.write_bytes(data)
        assert read_photograph(path).shape == (200, 200, 3)
    for cut in np.linspace(0.3, 0.99, 12) * len(whole):
        path.write_bytes((whole[:2] + noted + whole[2:])[: len(noted) + int(cut)])
        assert cv2.imread(str(path)) is not None
        with pytest.raises(CalibrationError, match="cut off"):
            read_photograph(path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
def test_name_that_opencv_does_not_take_is_read(tmp_path: Path) -> None:
    """OpenCV takes UTF-8 only here, and ASCII only on Windows."""
    path = tmp_path / "caf\udce9" / "x.png"
    path.parent.mkdir()
    path.write_bytes(cv2.imencode(".png", discs(3, 40))[1].tobytes())
    assert np.array_equal(read_photograph(path), discs(3, 40)[:, :, ::-1])
    with pytest.raises(CalibrationError, match="cannot be read: No such file"):
        read_photograph(path.with_name("y.png"))


def test_photograph_beyond_what_opencv_opens_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    small = bytearray(cv2.imencode(".png", discs(3, 40))[1].tobytes())
    small[16:24] = struct.pack(">II", 40_000, 40_000)
    small[29:33] = struct.pack(">I", zlib.crc32(small[12:29]))
    path.write_bytes(small)
    with pytest.raises(CalibrationError, match=r"x\.png cannot be read as a picture"):
        read_photograph(path)


def test_photograph_is_turned_as_its_camera_was(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    flat = cv2.imencode(".jpg", discs(3, 60)[:40])[1].tobytes()
    turned_right = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # EXIF's orientation
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + turned_right + bytes(4)
    noted = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path.write_bytes(flat)
    upright = np.rot90(read_photograph(path), -1)
    path.write_bytes(flat[:2] + noted + flat[2:])
    assert np.array_equal(read_photograph(path), upright)
    assert np.array_equal(cv2.imread(str(path))[:, :, ::-1], upright)
