"""Clips of hands."""

from pathlib import Path

import av
import pytest

from tests.stream.output.test_window import display

__all__ = ["display"]


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
