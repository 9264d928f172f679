import os
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from threading import Thread

import av
import cv2
import numpy as np
import pytest

from stream.capture import SourceOptions, open_source
from stream.capture.source import Size
from stream.capture.synthetic import read_number
from stream.errors import SourceError
from tests.conftest import MakeClip, picture


def test_every_frame_with_its_own_time_and_pixels(make_clip: MakeClip) -> None:
    pts_ms = [0, 40, 95, 100, 333, 334, 1000, 2500]
    capture = open_source(str(make_clip(pts_ms=pts_ms))).open()
    pictures = list(capture.pictures())
    assert [round(p.pts_s * 1000) for p in pictures] == pts_ms
    for number, found in enumerate(pictures):
        assert np.array_equal(found.pixels, picture(number))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_is_read_like_a_file(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("clip.ts", codec="libx264", pixel_format="yuv420p").read_bytes()
    pipe = tmp_path / "pipe.ts"
    os.mkfifo(pipe)
    Thread(target=pipe.write_bytes, args=[clip], daemon=True).start()
    found: list[int] = []

    def read() -> None:
        found.extend(read_number(p.pixels) for p in open_source(str(pipe)).open().pictures())

    reader = Thread(target=read, daemon=True)
    reader.start()
    reader.join(10)
    assert found == list(range(25))


def test_b_frames_come_in_order_of_presentation(make_clip: MakeClip) -> None:
    clip = make_clip(codec="libx264", pixel_format="yuv420p", options={"bf": "3"})
    pictures = list(open_source(str(clip)).open().pictures())
    assert [read_number(p.pixels) for p in pictures] == list(range(25))


@pytest.mark.parametrize("bf", ["0", "3"])
def test_realtime_plays_at_its_own_rate(make_clip: MakeClip, bf: str) -> None:
    clip = make_clip(codec="libx264", pixel_format="yuv420p", options={"bf": bf})
    source = open_source(str(clip), SourceOptions(realtime=True))
    assert source.live
    start_ns = time.perf_counter_ns()
    for found in source.open().pictures():
        now_ns = time.perf_counter_ns()
        due_s = (found.captured_ns - start_ns) / 1e9
        assert found.captured_ns <= now_ns, "never from the future"
        assert due_s == pytest.approx(found.pts_s, abs=0.2)
    assert (time.perf_counter_ns() - start_ns) / 1e9 > 0.9


@pytest.mark.parametrize("bf", ["0", "3"])
def test_realtime_plays_on_over_a_join(make_clip: MakeClip, tmp_path: Path, bf: str) -> None:
    clip = make_clip("a.ts", codec="libx264", pixel_format="yuv420p", options={"bf": bf})
    both = tmp_path / "both.ts"
    both.write_bytes(2 * clip.read_bytes())
    check_playback(both, 50)


def test_realtime_does_not_wait_where_timestamps_leap(make_clip: MakeClip) -> None:
    times_ms = [*range(0, 400, 40), *range(60_000, 60_400, 40), *range(62_000, 62_400, 40)]
    captured_s = check_playback(make_clip(pts_ms=times_ms), 20)
    assert captured_s[-1] - captured_s[19] == pytest.approx(2.0, abs=0.1), "a gap is no leap"


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_realtime_does_not_wait_where_b_frames_leap(make_clip: MakeClip, suffix: str) -> None:
    times_ms = [*range(0, 400, 40), *range(20_400, 20_800, 40)]
    options = {"bf": "3", "x264-params": "b-adapt=0"}
    clip = make_clip(
        f"a{suffix}", codec="libx264", pixel_format="yuv420p", options=options, pts_ms=times_ms
    )
    start_s = time.monotonic()
    check_playback(clip, 20)
    assert time.monotonic() - start_s < 5


def test_realtime_takes_slow_clips_at_their_own_rate(make_clip: MakeClip) -> None:
    clip = open_source(str(make_clip(pts_ms=[0, 2500, 5000])), SourceOptions(realtime=True))
    captured_ns = [picture.captured_ns for picture in clip.open().pictures()]
    assert (captured_ns[2] - captured_ns[1]) / 1e9 == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
@pytest.mark.parametrize("realtime", [False, True])
def test_b_frames_come_in_their_turn(make_clip: MakeClip, codec: str, realtime: bool) -> None:
    clip = make_clip("a.ts", codec=codec, pixel_format="yuv420p", options={"bf": "2"})
    pictures = open_source(str(clip), SourceOptions(realtime=realtime)).open().pictures()
    assert [read_number(picture.pixels) for picture in pictures] == list(range(25))


def check_playback(clip: Path, count: int) -> list[float]:
    """Play a clip; its first frames are due every 40 ms, and come when they are due."""
    pictures, late_s = [], []
    for found in open_source(str(clip), SourceOptions(realtime=True)).open().pictures():
        late_s.append((time.perf_counter_ns() - found.captured_ns) / 1e9)
        pictures.append(found)
    assert min(late_s) >= 0, "never from the future"
    assert max(late_s) < 0.3
    captured_s = [(p.captured_ns - pictures[0].captured_ns) / 1e9 for p in pictures]
    assert captured_s[:count] == pytest.approx([0.04 * i for i in range(count)], abs=0.005)
    return captured_s


def test_size_scales(make_clip: MakeClip) -> None:
    capture = open_source(str(make_clip()), SourceOptions(size=Size(80, 48))).open()
    assert (capture.info.width, capture.info.height) == (80, 48)
    assert next(capture.pictures()).pixels.shape == (48, 80, 3)


def test_file_that_changes_its_size_midway_gives_both_sizes(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    first = make_clip("a.ts", codec="libx264", pixel_format="yuv420p")
    second = make_clip("b.ts", codec="libx264", pixel_format="yuv420p", width=192, height=128)
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    shapes = {p.pixels.shape for p in open_source(str(both)).open().pictures()}
    assert shapes == {(96, 160, 3), (128, 192, 3)}


def test_file_that_was_cut_short_gives_what_is_there_and_says_so(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    whole = make_clip(pts_ms=range(0, 8000, 40)).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 3])
    numbers: list[int] = []
    with pytest.raises(SourceError, match="cut short"):
        for read in open_source(str(cut)).open().pictures():
            numbers.append(read_number(read.pixels))
    assert numbers == list(range(len(numbers)))
    assert 40 < len(numbers) < 100  # of 200


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".nut", ".mp4", ".ts"])
def test_file_that_begins_late_is_whole(make_clip: MakeClip, suffix: str) -> None:
    codec = "libvpx" if suffix == ".webm" else "libx264"
    clip = make_clip(
        f"late{suffix}", codec=codec, pixel_format="yuv420p", pts_ms=range(60_000, 61_000, 40)
    )
    capture = open_source(str(clip)).open()
    assert capture.info.frames == pytest.approx(25, abs=1)
    assert len(list(capture.pictures())) == 25


def test_file_that_begins_late_and_was_cut_short_says_so(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    whole = make_clip(pts_ms=range(60_000, 68_000, 40)).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(SourceError, match=r"s came of the 8\.0 s"):
        list(open_source(str(cut)).open().pictures())


def test_sound_that_lasts_longer_is_no_damage(make_clip: MakeClip, tmp_path: Path) -> None:
    clip, both = make_clip(), tmp_path / "both.mkv"
    with av.open(str(clip)) as source, av.open(str(both), "w") as container:
        video = container.add_stream_from_template(source.streams.video[0])
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                container.mux(packet)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 160_000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    assert len(list(open_source(str(both)).open().pictures())) == 25


def test_turned_clips_are_upright_and_say_so(tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.set_display_rotation(90)
        for number in range(5):
            pixels = picture(number)
            pixels[:, :20] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    capture = open_source(str(path)).open()
    assert (capture.info.width, capture.info.height) == (96, 160)
    first = next(capture.pictures()).pixels
    assert first.shape == (160, 96, 3)
    white = [first[:10].mean(), first[-10:].mean()]
    assert max(white) > 240


def test_clip_whose_title_is_not_utf8_opens(make_clip: MakeClip, tmp_path: Path) -> None:
    titled = tmp_path / "titled.mkv"
    with (
        av.open(str(make_clip())) as source,
        av.open(str(titled), "w", metadata_encoding="latin-1") as container,
    ):
        container.metadata["title"] = "caf\xe9"
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    assert len(list(open_source(str(titled)).open().pictures())) == 25


def test_source_of_a_file_name_that_is_not_utf8_has_a_name_to_publish(tmp_path: Path) -> None:
    source = open_source(str(tmp_path / os.fsdecode(b"caf\xe9.mkv")))
    assert source.name.encode() == b"caf?"


def test_errors_name_the_file_and_what_was_seen(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "empty.mp4").touch()
    for name, seen in {
        "missing.mp4": "does not exist",
        ".": "is a folder",
        "text.mp4": "Invalid data",
        "empty.mp4": "Invalid data",
    }.items():
        with pytest.raises(SourceError, match=seen):
            open_source(str(tmp_path / name)).open()


def test_video_that_cannot_be_decoded_is_an_error(make_clip: MakeClip) -> None:
    clip = in_unknown_codec(make_clip)
    with pytest.raises(SourceError, match="in a codec that cannot be decoded here"):
        open_source(str(clip)).open()


def in_unknown_codec(make_clip: MakeClip) -> Path:
    """A clip whose codec has the name of Canon's raw video, which FFmpeg cannot decode."""
    clip = make_clip("clip.mp4", codec="libx264", pixel_format="yuv420p")
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"CRAW"))
    return clip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("192.168.1.5:8080/video", "did you mean http://192.168.1.5:8080/video?"),
        ("me:hidden@192.168.1.5/video", "did you mean http://192.168.1.5/video?"),
        ("www.example.com/a.mp4", "did you mean http://www.example.com/a.mp4?"),
        ("10.0.0.7:554/live", "did you mean rtsp://10.0.0.7:554/live?"),
        ("localhost:8080", "did you mean http://localhost:8080?"),
        ("webcam", "a camera is 0"),
        ("Camera", "a camera is 0"),
        ("holiday.mp4", "is the path right?"),
        ("films/holiday.mp4", "is the path right?"),
        ("here.d/holiday.mp4", "is the path right?"),
    ],
)
def test_what_may_be_meant_is_asked(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.d").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="does not exist") as raised:
        open_source(name).open()
    assert said in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_damaged_pictures_are_counted_as_lost(make_clip: MakeClip) -> None:
    clip = make_clip(codec="mjpeg", pixel_format="yuvj420p")
    content = bytearray(clip.read_bytes())
    at = -1
    for _ in range(5):
        at = content.index(b"\xff\xd8\xff", at + 1)
    end = content.index(b"\xff\xd9", at)
    content[at:end] = bytes(end - at)
    clip.write_bytes(content)
    pictures = list(open_source(str(clip)).open().pictures())
    assert len(pictures) == 24
    assert [number for number, found in enumerate(pictures) if found.lost] == [4]
    assert pictures[4].lost == 1


def test_a_photograph_is_held_while_it_is_looked_at(tmp_path: Path) -> None:
    photograph = tmp_path / "photo.png"
    cv2.imwrite(str(photograph), picture(7)[:, :, ::-1])
    assert len(list(open_source(str(photograph)).open().pictures())) == 1, "of a recording, a frame"
    with closing(open_source(str(photograph), SourceOptions(realtime=True)).open()) as capture:
        shown = list(islice(capture.pictures(), 4))
    assert all(np.array_equal(one.pixels, picture(7)) for one in shown)
    steps_s = np.diff([one.captured_ns for one in shown]) / 1e9
    assert steps_s.min() >= 0.1
    assert np.diff([one.pts_s for one in shown]) == pytest.approx(0.1)
