from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from engines.pool import EnginePool
from stream.capture import SourceOptions, open_source
from stream.capture.source import Size
from stream.deblurring import Deblurring
from stream.output.null import Null
from stream.pipeline import Pipeline

COLOUR = (200, 60, 40)
UNSPECIFIED, BT709, SMPTE170M = 2, 1, 6


@pytest.mark.parametrize(
    ("suffix", "codec", "height", "tag", "matrix"),
    [
        (".mp4", "libx264", 720, UNSPECIFIED, Colorspace.ITU709),
        (".mp4", "libx264", 720, BT709, Colorspace.ITU709),
        (".mp4", "libx264", 720, SMPTE170M, Colorspace.ITU601),
        (".mp4", "libx264", 480, UNSPECIFIED, Colorspace.ITU601),
        (".mp4", "libx264", 480, BT709, Colorspace.ITU709),
        (".nut", "rawvideo", 720, UNSPECIFIED, Colorspace.ITU601),
        (".nut", "mjpeg", 720, UNSPECIFIED, Colorspace.ITU601),
    ],
)
def test_colours_are_those_that_players_show(
    tmp_path: Path, suffix: str, codec: str, height: int, tag: int, matrix: Colorspace
) -> None:
    clip = tmp_path / f"clip{suffix}"
    pixels = np.full((height, 320, 3), COLOUR, np.uint8)
    whole = codec == "mjpeg"
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuvj420p" if whole else "yuv420p",
        dst_colorspace=matrix,
        dst_color_range=ColorRange.JPEG if whole else ColorRange.MPEG,
    )
    with av.open(str(clip), "w") as container:
        stream = container.add_stream(codec, rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, height, frame.format.name
        stream.codec_context.colorspace = tag
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = next(iter(open_source(str(clip)).open().pictures())).pixels
    assert np.abs(found[10, 10].astype(int) - COLOUR).max() <= 5


@pytest.mark.parametrize("size", [None, "64x48"])
def test_no_colour_of_a_file_is_cut_off(tmp_path: Path, size: str | None) -> None:
    """Swscale would make all a step or two too dark, and a recording of it darker again."""
    clip = tmp_path / "clip.mkv"
    y, u, v = (np.linspace(*ends, 24).astype(int) for ends in ((80, 180), (112, 140), (144, 110)))
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for colour in zip(y, u, v, strict=True):
            frame = av.VideoFrame(128, 96, "yuv420p")
            for plane, value in zip(frame.planes, colour, strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    options = SourceOptions(size=Size.parse(size) if size else None)
    found = [p.pixels[20, 20] for p in open_source(str(clip), options).open().pictures()]
    luma, blue, red = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224  # BT.601
    rgb = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    error = np.array(found, int) - 255 * np.stack(rgb, axis=1)
    assert np.abs(error).max() <= 1
    assert np.abs(error.mean(axis=0)).max() <= 0.2


@pytest.mark.parametrize(
    ("suffix", "codec", "format_", "transfer", "seen"),
    [
        (".mp4", "libx265", "yuv420p10le", ColorTrc.ARIB_STD_B67, "HDR video (HLG)"),
        (".mp4", "libx264", "yuv420p", ColorTrc.ARIB_STD_B67, "HDR video (HLG)"),
        (".mkv", "libx264", "yuv420p", ColorTrc.SMPTE2084, "HDR video (PQ)"),
        (".mp4", "libx264", "yuv420p", ColorTrc.BT709, ""),
        (".mp4", "libx264", "yuv420p", ColorTrc.UNSPECIFIED, ""),
    ],
)
def test_hdr_is_said(
    tmp_path: Path, suffix: str, codec: str, format_: str, transfer: ColorTrc, seen: str
) -> None:
    clip = tmp_path / f"clip{suffix}"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream(codec, rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, format_
        stream.codec_context.color_trc = transfer
        pixels = np.full((240, 320, 3), COLOUR, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    said: list[str] = []
    deblurring = Deblurring(EnginePool, "off")  # type: ignore[arg-type]
    Pipeline([open_source(str(clip))], [Null()], deblurring, say=said.append).run()
    assert seen in " ".join(said)
    assert len(said) == bool(seen)


def test_rgb_is_left_alone(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 720, "bgr0"
        pixels = np.full((720, 320, 3), COLOUR, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    found = next(iter(open_source(str(clip)).open().pictures())).pixels
    assert tuple(found[10, 10]) == COLOUR
