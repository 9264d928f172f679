import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream.capture import SourceOptions, open_source
from stream.capture.exif import exif_orientation
from stream.capture.geometry import fitted, with_square_pixels
from stream.capture.source import Size
from tests.conftest import discs

SIDES = st.integers(1, 4096)


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ((1920, 1080), (640, 480), (640, 360)),
        ((1080, 1920), (640, 480), (270, 480)),
        ((1920, 1080), (854, 480), (854, 480)),
        ((640, 480), (321, 241), (321, 241)),
        ((320, 240), (640, 480), (640, 480)),
        ((1024, 576), (1024, 576), (1024, 576)),
    ],
)
def test_pictures_are_fitted_into_what_was_asked(
    size: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fitted(Size(*size), Size(*box)) == Size(*expected)


@given(SIDES, SIDES, SIDES, SIDES)
def test_fitted_size_is_in_the_box_and_has_the_ratio(w: int, h: int, bw: int, bh: int) -> None:
    found = fitted(Size(w, h), Size(bw, bh))
    scale = min(bw / w, bh / h)
    assert found.width <= max(bw, 2) and found.height <= max(bh, 2)
    assert found.width == bw or found.height == bh
    assert abs(found.width - w * scale) <= 2 and abs(found.height - h * scale) <= 2


@pytest.mark.parametrize(
    ("size", "pixel_aspect", "expected"),
    [
        ((720, 576), Fraction(64, 45), (1024, 576)),
        ((720, 480), Fraction(8, 9), (720, 540)),
        ((640, 480), Fraction(1), (640, 480)),
        ((641, 481), None, (641, 481)),
        ((641, 481), Fraction(4095, 4096), (641, 481)),
        ((640, 480), Fraction(1, 1000), (640, 480)),
    ],
)
def test_pixels_become_square(
    size: tuple[int, int], pixel_aspect: Fraction | None, expected: tuple[int, int]
) -> None:
    assert with_square_pixels(Size(*size), pixel_aspect) == Size(*expected)


def clip(path: Path, pixels: NDArray[np.uint8], **settings: object) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "10"})
        stream.height, stream.width = pixels.shape[:2]
        stream.pix_fmt = "yuv420p"
        if "turn" in settings:
            stream.set_display_rotation(*settings["turn"])  # type: ignore[misc]
        if "pixel_aspect" in settings:
            stream.codec_context.sample_aspect_ratio = settings["pixel_aspect"]  # type: ignore[assignment]
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("asked", [None, Size(128, 128)])
def test_pixels_that_are_not_square_are_stretched(
    tmp_path: Path, suffix: str, asked: Size | None
) -> None:
    wide = clip(tmp_path / f"wide{suffix}", discs(0, 96), pixel_aspect=Fraction(16, 9))
    capture = open_source(str(wide), SourceOptions(size=asked)).open()
    expected = (170, 96) if asked is None else (128, 72)
    assert (capture.info.width, capture.info.height) == expected
    shapes = {picture.pixels.shape for picture in capture.pictures()}
    assert shapes == {(expected[1], expected[0], 3)}


def test_size_keeps_the_shape_of_things(tmp_path: Path) -> None:
    pixels = np.zeros((180, 320, 3), np.uint8)
    cv2.circle(pixels, (160, 90), 60, (255, 255, 255), -1)
    path = clip(tmp_path / "disc.mp4", pixels)
    capture = open_source(str(path), SourceOptions(size=Size(160, 120))).open()
    disc = next(capture.pictures()).pixels[:, :, 0] > 127
    assert disc.any(axis=0).sum() == pytest.approx(60, abs=1)
    assert disc.any(axis=1).sum() == pytest.approx(60, abs=1)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [(False, False), (True, False), (False, True)])
def test_clips_are_turned_and_mirrored_as_they_say(
    tmp_path: Path, turn: int, flip: tuple[bool, bool]
) -> None:
    pixels = discs(0, 96)[:64]
    capture = open_source(str(clip(tmp_path / "a.mp4", pixels, turn=(turn, *flip)))).open()
    upright = np.rot90(pixels, turn // 90)[:: -1 if flip[1] else 1, :: -1 if flip[0] else 1]
    found = next(capture.pictures()).pixels
    assert (capture.info.height, capture.info.width) == upright.shape[:2]
    assert np.abs(found.astype(int) - upright).mean() < 8


def jpeg(pixels: NDArray[np.uint8], orientation: int, order: str) -> bytes:
    """A JPEG that notes its orientation, in TIFF's order of bytes ``<`` or ``>``."""
    tiff = {"<": b"II*\0", ">": b"MM\0*"}[order]
    tiff += struct.pack(f"{order}IH", 8, 2)
    tiff += struct.pack(f"{order}HHIHH", 0x0103, 3, 1, 6, 0)
    tiff += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    plain = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_upright_in_all_orientations(
    tmp_path: Path, orientation: int, order: str
) -> None:
    content = jpeg(discs(0, 96)[:64], orientation, order)
    upright = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    capture = open_source(str(path)).open()
    found = next(capture.pictures()).pixels
    assert (capture.info.height, capture.info.width) == upright.shape[:2]
    assert np.abs(found.astype(int) - upright).mean() < 4


@given(st.integers(0, 200), st.sampled_from("<>"), st.integers(0, 0xFFFF))
def test_damaged_exif_tells_nothing_or_an_orientation(cut: int, order: str, tag: int) -> None:
    content = jpeg(discs(0, 16), tag, order)[:cut]
    assert exif_orientation(content) in (None, *range(1, 9))
    assert exif_orientation(b"\xff\xd8 no exif") is None
