"""Sessions whose window or video fails."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from stream.errors import StreamError
from stream.hands.session import read_session
from stream.session import SessionJob, record_session
from tests.stream.hands.test_session_run import camera_session, linux_only, table_of
from tests.stream.whole_runs import Keeper


@linux_only
def test_a_session_whose_video_cannot_grow_is_not_complete(
    hand_model: Path, tmp_path: Path
) -> None:
    """As on a full disk, with room for the table, which is a tenth as large."""
    import resource

    more = ("--save-video", "--seconds", "3", "--countdown", "0")
    with camera_session(tmp_path, *more, DISPLAY="") as running:
        table_of(tmp_path, at_least=1)
        limit = (100_000, resource.RLIM_INFINITY)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, limit)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert said.count("File too large") == 1
    assert "the video was cut off, see above" in " ".join(said.split())
    (table,) = tmp_path.glob("*/landmarks.csv")
    session = read_session(table.parent)
    assert session.sidecar.state == "recording"
    assert session.trajectories["raw"].time_s[-1] > 2.5, "the table is whole"


def test_a_session_whose_only_output_fails_is_cut_off(
    hand_model: Path, short_hand_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.session.Null", lambda: Keeper(fail_at=10))
    job = SessionJob(
        source=str(short_hand_clip), task="rest", participant="P07", hand="right", to=tmp_path,
        consent="a test", deblur="off", hand_model=hand_model,
    )  # fmt: skip
    said = StringIO()
    with pytest.raises(StreamError, match="the session was cut off"):
        record_session(job, Console(file=said))
    assert said.getvalue().count("the disk is full") == 1
    (table,) = tmp_path.glob("*/landmarks.csv")
    session = read_session(table.parent)
    assert session.sidecar.state == "recording"
    assert len(session.trajectories["raw"]) >= 10
