from pathlib import Path

import pytest

from stream.capture import DEMO_CLIP, open_source
from stream.capture.camera import Camera
from stream.capture.network import NetworkStream
from stream.capture.synthetic import Synthetic
from stream.capture.video_file import VideoFile
from stream.errors import SourceError


@pytest.mark.parametrize(
    ("uri", "kind", "name"),
    [
        ("0", Camera, "camera-0"),
        ("camera:1", Camera, "camera-1"),
        ("/dev/video2", Camera, "camera-dev-video2"),
        ("rtsp://u:p@10.0.0.9:554/live", NetworkStream, "10.0.0.9"),
        ("http://phone.local:8080/video", NetworkStream, "phone.local"),
        ("clip.mp4", VideoFile, "clip"),
        ("file:///tmp/clip.mkv", VideoFile, "clip"),
        ("demo", VideoFile, "demo"),
        ("synthetic:160x96@30", Synthetic, "synthetic"),
    ],
)
def test_address_decides_the_kind(uri: str, kind: type, name: str) -> None:
    source = open_source(uri)
    assert isinstance(source, kind)
    assert source.name == name
    assert "u:p" not in source.uri


@pytest.mark.parametrize("host", ["", "localhost", "LocalHost"])
def test_file_address_may_name_this_machine(host: str) -> None:
    source = open_source(f"file://{host}/tmp/my%20clip.mkv")
    assert isinstance(source, VideoFile)
    assert source.path == Path("/tmp/my clip.mkv")


def test_file_address_of_windows_is_a_path_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = pytest.importorskip("nturl2path")  # what url2pathname is there
    monkeypatch.setattr("urllib.request.url2pathname", windows.url2pathname)
    source = open_source("file:///C:/my%20clips/a.mp4")
    assert isinstance(source, VideoFile)
    assert str(source.path) == r"C:\my clips\a.mp4"


@pytest.mark.parametrize("uri", ["foo://bar", "zzz+tcp://x", "", "  "])
def test_unknown_addresses_are_errors(uri: str) -> None:
    with pytest.raises(SourceError):
        open_source(uri)


def test_demo_clip_is_real_video_with_its_licence_beside_it() -> None:
    capture = open_source("demo").open()
    assert (capture.info.width, capture.info.height) == (640, 480)
    assert len(list(capture.pictures())) == capture.info.frames == 104
    assert "Apache-2.0" in (DEMO_CLIP.parent / "README.md").read_text()
