"""What several tests make or find: clips, profiles, the shared media."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # several on two cores: threads that wait for others spin
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# A fifth off each export of a network: more memory for sympy, and none for fake tensors.
os.environ.setdefault("SYMPY_CACHE_SIZE", "100000")
os.environ.setdefault("TORCH_FAKE_TENSOR_DISPATCH_CACHE", "0")

import stream  # noqa: F401, I001  (OpenCV before PyAV, see there)

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engines.profile import Profile, load_profile
from stream.capture.synthetic import write_number
from stream.errors import StreamError
from stream.hands.model import default_model, make_model

ROOT = Path(__file__).parent.parent
MEDIA = ROOT.parent / "shared" / "media"
PLAIN_SHORT = ROOT / "benchmarks" / "networks" / "plain-short"

MakeClip = Callable[..., Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("BLUR2BLUR_LONG_TESTS"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip("is long; set BLUR2BLUR_LONG_TESTS=1 to run it"))


@pytest.fixture(autouse=True, scope="session")
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Caches and profiles of the tests stay out of the user's."""
    folder = tmp_path_factory.mktemp("home")
    before = dict(os.environ)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def balanced() -> Profile:
    return load_profile("balanced")


@pytest.fixture(scope="session")
def quick() -> Profile:
    """The network that is compiled soonest, for tests of what is around it."""
    return load_profile(str(PLAIN_SHORT))


@pytest.fixture(scope="session")
def media() -> Path:
    if not MEDIA.is_dir():
        pytest.skip("needs ../shared/media")
    return MEDIA


@pytest.fixture(scope="session")
def hand_model(own_folders: None) -> Path:
    """Of the real tracker, where it can be had."""
    pytest.importorskip("mediapipe", reason="needs the extra hands")
    try:
        from mediapipe.tasks.python import vision  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"mediapipe does not load here: {error}")
    try:
        return default_model() if default_model().is_file() else make_model(lambda line: None)
    except (StreamError, subprocess.SubprocessError) as error:
        pytest.skip(f"the hand model cannot be fetched here: {error}")


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Make a lossless clip whose frame ``i`` has the number ``i`` in its pixels."""

    def make(
        name: str = "clip.mkv",
        *,
        pts_ms: Sequence[int] = tuple(range(0, 1000, 40)),
        width: int = 160,
        height: int = 96,
        codec: str = "ffv1",
        pixel_format: str = "bgr0",
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25, options=options or {})
            stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            for number, pts in enumerate(pts_ms):
                frame = av.VideoFrame.from_ndarray(picture(number, width, height), format="rgb24")
                frame.pts, frame.time_base = pts, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


def picture(number: int, width: int = 160, height: int = 96) -> NDArray[np.uint8]:
    """A textured picture with ``number`` in its pixels where there is room."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 2 + number, y * 2, (x + y) * 3], axis=-1).astype(np.uint8)
    if width >= 128 and height >= 16:
        write_number(pixels, number)
    return pixels


def discs(seed: int, px: int, count: int = 60) -> NDArray[np.uint8]:
    """A picture with edges of every direction, the same for a seed."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((px, px, 3), np.uint8)
    for _ in range(count):
        centre, colour = random.integers(0, px, 2), random.integers(0, 256, 3)
        cv2.circle(pixels, centre.tolist(), int(random.integers(3, 25)), colour.tolist(), -1)
    return pixels


def blur2blur(
    *arguments: str | Path, timeout_s: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "stream.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, **environment},
        check=False,
    )


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python of its own, for what would end or change this one."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk."""
    resource = pytest.importorskip("resource", reason="there are no limits to set")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def read_clip(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    """All frames of a clip: pts in seconds, and RGB pixels."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        return [
            (
                float(frame.pts * stream.time_base),
                np.asarray(frame.to_ndarray(format="rgb24"), np.uint8),
            )
            for frame in container.decode(stream)
            if frame.pts is not None
        ]
