"""What a session says of where its pictures come from."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest

from stream.capture import open_source
from stream.errors import StreamError
from stream.provenance import creation_time_of, told_time
from tests.conftest import MakeClip


@pytest.fixture
def made_at(make_clip: MakeClip, tmp_path: Path) -> Callable[[str], Path]:
    """A clip whose container says when it was made."""
    plain = make_clip()

    def made(creation_time: str) -> Path:
        path = tmp_path / "made.mkv"
        with av.open(str(plain)) as source, av.open(str(path), "w") as container:
            container.metadata["creation_time"] = creation_time
            template = source.streams.video[0]
            stream = container.add_stream_from_template(template)
            for packet in source.demux(template):
                if packet.pts is not None:
                    packet.stream = stream
                    container.mux(packet)
        return path

    return made


def test_a_clip_says_when_it_was_made(made_at: Callable[[str], Path], make_clip: MakeClip) -> None:
    clip = made_at("2026-10-03T08:00:00.000000Z")
    expected = datetime(2026, 10, 3, 8, tzinfo=UTC)
    assert creation_time_of(open_source(str(clip))) == expected
    for unset in ("1970-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"):
        assert creation_time_of(open_source(str(made_at(unset)))) is None
    for source in (str(make_clip("plain.mkv")), "synthetic:320x240@30", "not there.mp4"):
        assert creation_time_of(open_source(source)) is None


def test_told_times_are_local_unless_they_say_otherwise() -> None:
    assert told_time("2026-10-03T10:00+02:00") == datetime(2026, 10, 3, 8, tzinfo=UTC)
    assert told_time("2026-10-03 10:00") == datetime(2026, 10, 3, 10).astimezone()
    assert told_time("2026-10-03T08:00Z").utcoffset() is not None


@pytest.mark.parametrize("text", ["", "2026-10-03", "yesterday at ten", "2026-13-03T10:00"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(StreamError, match="not a date and time like 2026-10-03T10:00"):
        told_time(text)


def test_a_clip_is_not_of_the_future() -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(StreamError, match="has not been yet"):
        told_time(tomorrow.isoformat())
