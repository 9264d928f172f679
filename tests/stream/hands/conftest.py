"""The real tracker and its real model, where they can be had."""

import subprocess
from pathlib import Path

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
