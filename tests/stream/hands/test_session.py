"""Sessions on the disk: whole, cut off, exported, deleted."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stream.errors import StreamError
from stream.frame import Frame, ProcessedFrame
from stream.hands.identity import Identities
from stream.hands.report import write_report
from stream.hands.session import (
    SIDECAR,
    VIDEO,
    Sidecar,
    check_participant,
    contents,
    delete_session,
    find_sessions,
    read_session,
    remove_without_recording,
    with_digests,
    write_sidecar,
)
from stream.hands.session_files import write_c3d, write_parquet
from stream.hands.session_recorder import SessionRecorder
from stream.hands.session_table import FILE_NAME, read_rows
from stream.hands.session_video import SessionVideo
from tests.conftest import blur2blur, picture, read_clip
from tests.stream.hands.synthetic_hand import bent_hand, open_by, tracked, write_session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_session(
        tmp_path / "P01", lambda t: open_by(0.5 + 0.4 * np.sin(9 * t)), seconds=3, missing=0.1
    )


def test_what_was_written_is_read(folder: Path) -> None:
    session = read_session(folder)
    raw = session.trajectories["raw"]
    assert len(raw) == len(session.trajectories["deblurred"]) == 90
    seen = int(np.flatnonzero(raw.detected)[5])
    expected = open_by(0.5 + 0.4 * np.sin(9 * seen / 30))
    assert raw.points[seen] == pytest.approx(expected.points, abs=6e-4)
    assert raw.world[seen] == pytest.approx(expected.world, abs=6e-7)
    assert np.isnan(raw.points[~raw.detected]).all()
    assert raw.time_s[seen] == pytest.approx(seen / 30, abs=1e-6)


def test_a_cut_off_table_is_read_up_to_its_last_whole_row(folder: Path) -> None:
    path = folder / FILE_NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:-300])
    session = read_session(folder)
    assert len(session.trajectories["raw"]) == 90
    assert len(session.trajectories["deblurred"]) == 89
    write_c3d(session)
    path.write_bytes(b"something else\n")
    with pytest.raises(StreamError, match="not a table of landmarks"):
        read_session(folder)


@pytest.mark.parametrize(
    "name",
    ["Anna", "Anna Schmidt", "a@b.de", "P07/..", "", "Schmidt1970", "Anna1985", "Tom3", "Eva-90",
     "abc1d", "19850412", "1234567", "P07\n", "P\u0660"],
)  # fmt: skip
def test_names_are_refused(name: str) -> None:
    with pytest.raises(StreamError, match="such as P07"):
        check_participant(name)


@pytest.mark.parametrize("code", ["P07", "12", "AB-003", "S_12b", "sub-01", "ABC123456"])
def test_codes_are_taken(code: str) -> None:
    assert check_participant(code) == code


def test_pauses_and_the_end(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=2.0, countdown_s=0.0)
    for number in range(300):
        if number in (30, 90):
            recorder.toggle_pause()
        if recorder.over:
            break
        recorder.take(tracked(bent_hand(10), 100 + number / 30, number))
    recorder.close()
    assert number == 121
    assert recorder.pauses_s == [[pytest.approx(29 / 30), pytest.approx(89 / 30)]]
    times = [float(row["time_s"]) for row in read_rows(tmp_path / FILE_NAME)][::2]
    assert times[0] == 0
    assert not [t for t in times if 1.0 <= t < 2.99]
    assert recorder.recorded_s == pytest.approx(2.0, abs=0.05)


def test_frames_are_counted_from_the_first_recorded_one_on(tmp_path: Path) -> None:
    """Half a second of countdown, every third frame looked at, and a second of pause."""
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.2)
    for number in range(0, 120, 3):
        if number == 15:
            time.sleep(0.2)
        if number in (45, 75):
            recorder.toggle_pause()
        recorder.take(tracked(bent_hand(10), number / 30, number))
    recorder.close()
    assert recorder.frames == 10 + 15
    assert recorder.captured == 28 + 43  # of frames 15 to 42, and 75 to 117


def test_a_pause_before_the_first_row_only_delays_it(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    recorder.toggle_pause()
    recorder.take(tracked(bent_hand(10), 5.0, 0))
    assert recorder.begun is None
    recorder.toggle_pause()
    recorder.take(tracked(bent_hand(10), 6.0, 30))
    recorder.close()
    assert recorder.begun is not None
    assert recorder.first_pts_s == 6.0
    assert recorder.pauses_s == []


def test_what_the_sidecar_lacks_is_told_before_the_rows(tmp_path: Path) -> None:
    told: list[tuple[float | None, int, int]] = []

    def note() -> None:
        told.append((recorder.first_pts_s, len(recorder.pauses_s), recorder.frames))

    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0, note=note)
    for number in range(60):
        if number in (10, 20, 40, 50):
            recorder.toggle_pause()
        recorder.take(tracked(bent_hand(10), 2 + number / 30, number))
    recorder.close()
    assert told == [(2.0, 0, 0), (2.0, 1, 10), (2.0, 2, 30)]


def test_a_hand_that_was_taken_for_the_other_one_is_counted(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    identities = Identities("left")
    right = bent_hand(10)
    for number in range(4):
        hand = replace(right, side="left") if number == 2 else right
        (hand,) = identities.assign([hand], number / 30)
        recorder.take(tracked(hand, number / 30, number))
    recorder.close()
    assert (recorder.with_hand, recorder.as_other_hand) == (4, 3)
    rows = read_rows(tmp_path / FILE_NAME)
    assert {row["side"] for row in rows} == {"left"}
    assert [row["side_score"] for row in rows][::2] == ["0.030", "0.030", "0.970", "0.030"]


@pytest.mark.parametrize("tracker_first", [True, False], ids=["file", "live"])
def test_the_video_holds_what_is_recorded_only(tmp_path: Path, tracker_first: bool) -> None:
    """Nothing of the countdown, of the pause, or after the end, also where it sees frames first."""
    recorder = SessionRecorder(tmp_path, "free", seconds=1.0, countdown_s=0.5)
    video = SessionVideo(tmp_path / VIDEO, recorder)
    for number in range(100):
        if number == 10:
            time.sleep(0.5)
        if number in (25, 55):
            recorder.toggle_pause()
        found, frame = tracked(bent_hand(10), 7 + number / 30, number), filmed(number)
        if tracker_first:
            recorder.take(found)
            video.write(frame)
        else:
            video.write(frame)
            recorder.take(found)
    recorder.close()
    video.close()
    assert recorder.over
    assert recorder.first_pts_s is not None
    times = [float(row["time_s"]) for row in read_rows(tmp_path / FILE_NAME)][::2]
    if not tracker_first:
        times = times[1:]  # it began with this one, which the video knew only afterwards
    recorded = [pts_s - recorder.first_pts_s for pts_s, _ in read_clip(tmp_path / VIDEO)]
    assert recorded == pytest.approx(times, abs=1e-3)


def filmed(number: int) -> ProcessedFrame:
    frame = Frame(
        pixels=picture(number),
        source="synthetic",
        sequence=number,
        pts_s=7 + number / 30,
        captured_ns=0,
        posted_ns=0,
    )
    return ProcessedFrame(
        captured=frame, pixels=frame.pixels, bypassed=True, blur=None, taken_ns=0, finished_ns=0
    )


def test_a_sidecar_of_an_earlier_version_is_read(folder: Path) -> None:
    path = folder / SIDECAR
    content = json.loads(path.read_text())
    for name in ("first_pts_s", "source_sha256"):
        del content[name]
    path.write_text(json.dumps(content))
    sidecar = read_session(folder).sidecar
    assert sidecar.first_pts_s is None
    assert sidecar.participant == "P01"


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


def test_a_table_that_cannot_grow_is_readable_up_to_there(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    with (
        files_no_larger_than(30_000),
        pytest.raises(StreamError, match=r"landmarks\.csv cannot be written: File too large"),
    ):
        for number in range(100):
            recorder.take(tracked(bent_hand(10), number / 30, number))
    recorder.close()
    assert recorder.frames > 5
    assert len(read_rows(tmp_path / FILE_NAME)) > 10


def test_a_table_that_cannot_be_finished_is_closed(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    recorder.take(tracked(bent_hand(10), 0.0, 0))  # the first row is on the disk at once
    table = tmp_path / FILE_NAME
    size = table.stat().st_size
    with (
        files_no_larger_than(size),
        pytest.raises(StreamError, match="what was recorded until now stays"),
    ):
        try:
            recorder.take(tracked(bent_hand(10), 0.1, 1))
        finally:
            recorder.close()
    assert recorder._writer._file.closed
    assert len(read_rows(table)) == 2


def test_countdown_is_not_recorded(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "rest", seconds=None, countdown_s=60.0)
    recorder.take(tracked(bent_hand(10), 0.0, 0))
    assert recorder.frames == 0
    assert "get ready" in recorder.banner
    recorder.close()


def test_a_jump_and_a_growing_bone_are_seen(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    still = bent_hand(10)
    for number in range(10):
        recorder.take(tracked(still, number / 30, number))
    moved = bent_hand(10, at=(480, 240))
    recorder.take(tracked(replace(moved, world=1.5 * moved.world), 10 / 30, 10))
    recorder.close()
    last = read_rows(tmp_path / FILE_NAME)[-1]
    assert float(last["jump_palms"]) == pytest.approx(2, abs=0.1)
    assert float(last["bone_change"]) == pytest.approx(0.5, abs=0.01)


def test_sidecar_of_another_kind_is_refused(folder: Path) -> None:
    path = folder / "session.json"
    for content, seen in (
        ('{"format": 9}', "format 9"),
        ('{"format": 1}', "not a session's sidecar"),
        ("[]", "not a session's sidecar"),
        ("{", "not a session's sidecar"),
    ):
        path.write_text(content)
        with pytest.raises(StreamError, match=seen):
            read_session(folder)
    path.unlink()
    with pytest.raises(StreamError, match="holds no session"):
        read_session(folder)


def test_delete_removes_everything_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    other = write_session(tmp_path / "P02", lambda t: bent_hand(5), seconds=1)
    write_parquet(read_session(folder))
    assert {path.name for path in contents(folder)} == {
        "session.json", "landmarks.csv", "landmarks.parquet",
    }  # fmt: skip
    assert find_sessions(tmp_path) == [folder, other]
    delete_session(folder)
    assert find_sessions(tmp_path) == [other]
    with pytest.raises(StreamError, match="holds no session"):
        delete_session(tmp_path)
    assert other.is_dir()


@pytest.fixture
def nothing(tmp_path: Path) -> list[Path]:
    """Two sessions that hold nothing: ended before the first frame, and killed before it."""
    folders = [write_session(tmp_path / f"P01_{i}", bent_hand, seconds=0) for i in range(2)]
    (folders[1] / FILE_NAME).write_bytes(b"")
    return folders


def test_a_report_of_several_leaves_out_and_names_what_holds_nothing(
    folder: Path, nothing: list[Path], tmp_path: Path
) -> None:
    pytest.importorskip("jinja2", reason="needs the extra hands")
    pytest.importorskip("scipy", reason="needs the extra hands")
    result = blur2blur("session", "report", tmp_path)
    assert result.returncode == 0, result.stderr
    for empty in nothing:
        assert f"{empty} is left out: no frame was recorded" in result.stderr
    assert f"{folder} is left out" not in result.stderr
    assert (tmp_path / "report_P01.html").read_text().count("How it was recorded") == 1


def test_a_report_of_nothing_is_an_error(nothing: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="needs the extra hands")
    for place in (nothing[0], nothing[1], tmp_path):
        result = blur2blur("session", "report", place)
        assert result.returncode == 1
        assert "no frame was recorded; there is nothing to measure" in result.stderr


def test_a_report_that_cannot_be_written_is_said_so(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="needs the extra hands")
    (tmp_path / "taken.html").mkdir()
    for place in (tmp_path / "taken.html", tmp_path / "nowhere" / "report.html"):
        with pytest.raises(StreamError, match=rf"{place} cannot be written"):
            write_report([read_session(folder)], place)


@pytest.mark.parametrize("other", [None, "video.mkv"])
def test_only_what_a_session_without_frames_made_is_removed(
    nothing: list[Path], tmp_path: Path, other: str | None
) -> None:
    if other is not None:
        (nothing[0] / other).write_bytes(b"pictures")
    before = sorted(nothing[0].iterdir())
    assert remove_without_recording(nothing[0]) == (other is None)
    assert not nothing[0].exists() if other is None else sorted(nothing[0].iterdir()) == before
    assert nothing[1].is_dir()


def test_digests_name_every_file(folder: Path) -> None:
    sidecar: Sidecar = with_digests(folder, read_session(folder).sidecar)
    write_sidecar(folder, sidecar)
    assert set(sidecar.files) == {FILE_NAME}
    assert read_session(folder).sidecar == sidecar


@pytest.mark.parametrize(
    "changed",
    [{"task": "fingertapping"}, {"hand": "both"}, {"pauses_s": None}, {"pauses_s": [[1]]},
     {"pauses_s": [["a", "b"]]}, {"software": None}, {"frames": None}, {"begun": None},
     {"begun": "yesterday"}, {"begun": "2026-01-01T00:00:00"}, {"fps": "thirty"},
     {"id": "../../elsewhere"}],
    ids=str,
)  # fmt: skip
def test_a_damaged_sidecar_is_named_and_may_be_deleted(
    folder: Path, changed: dict[str, object]
) -> None:
    path = folder / SIDECAR
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(StreamError, match=rf"{path} is not a session's sidecar: \S"):
        read_session(folder)
    delete_session(folder)
    assert not folder.exists()


@pytest.mark.parametrize("value", ["", "inf", "soon"])
@pytest.mark.parametrize("all_rows", [True, False])
def test_a_table_without_times_is_damaged(folder: Path, value: str, all_rows: bool) -> None:
    path = folder / FILE_NAME
    head, *rows = path.read_text().splitlines()
    for number in range(len(rows)) if all_rows else (20,):
        sequence, _, rest = rows[number].split(",", 2)
        rows[number] = f"{sequence},{value},{rest}"
    path.write_text("\n".join([head, *rows, ""]))
    with pytest.raises(StreamError, match=rf"{path} is damaged: "):
        read_session(folder)
