"""The real tracker and its real model, where they can be had."""

import subprocess
from pathlib import Path

import av
import pytest

from stream.errors import StreamError
from stream.hands.model import default_model, make_model


@pytest.fixture(scope="session")
def hand_model(own_folders: None) -> Path:
    pytest.importorskip("mediapipe", reason="needs the extra hands")
    try:
        from mediapipe.tasks.python import vision  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"mediapipe does not load here: {error}")
    try:
        return default_model() if default_model().is_file() else make_model(lambda line: None)
    except (StreamError, subprocess.SubprocessError) as error:
        pytest.skip(f"the hand model cannot be fetched here: {error}")


@pytest.fixture(scope="session")
def hand_clip(media: Path) -> Path:
    return media / "hands" / "open_palm.mp4"


@pytest.fixture(scope="session")
def short_hand_clip(hand_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first two seconds of it, packets as they are."""
    path = tmp_path_factory.mktemp("clip") / "open_palm.mp4"
    with av.open(str(hand_clip)) as whole, av.open(str(path), "w") as part:
        source = whole.streams.video[0]
        stream = part.add_stream_from_template(source)
        for packet in whole.demux(source):
            if packet.pts is not None and packet.pts * packet.time_base < 2.0:
                packet.stream = stream
                part.mux(packet)
    return path
