"""How `blur2blur live` plays files."""

import pytest

from stream.live import LiveJob, _open_sources
from tests.conftest import MakeClip

PUBLISHED = "zmq+tcp://127.0.0.1:5555"


@pytest.mark.parametrize(
    ("outputs", "realtime"),
    [
        ((), True),
        (("window",), True),
        ((PUBLISHED,), True),
        (("virtual-camera:/dev/video10", "window"), True),
        (("null",), False),
        (("out.mp4",), False),
        ((PUBLISHED, "out.mkv"), False),
        (("window", "null"), False),
    ],
)
def test_file_plays_at_its_own_rate_where_no_output_wants_every_frame(
    make_clip: MakeClip, outputs: tuple[str, ...], realtime: bool
) -> None:
    clip = str(make_clip())
    (source,) = _open_sources(LiveJob(sources=(clip,), outputs=outputs))
    assert source.live is realtime
    (source,) = _open_sources(LiveJob(sources=(clip,), outputs=outputs, realtime=not realtime))
    assert source.live is not realtime, "who says otherwise has it so"
