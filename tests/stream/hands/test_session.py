"""Sessions on the disk: whole, cut off, exported, deleted."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from stream.errors import StreamError
from stream.hands.measures import write_measures
from stream.hands.report import write_report
from stream.hands.session import (
    SIDECAR,
    Sidecar,
    check_participant,
    read_session,
    with_digests,
    write_sidecar,
)
from stream.hands.session_files import write_c3d, write_parquet
from stream.hands.session_removal import delete_session, remove_without_recording
from stream.hands.session_table import FILE_NAME
from tests.conftest import blur2blur
from tests.stream.hands.synthetic_hand import bent_hand, open_by, write_session


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


def test_a_sidecar_of_an_earlier_version_is_read(folder: Path) -> None:
    path = folder / SIDECAR
    content = json.loads(path.read_text())
    for name in ("first_pts_s", "source_sha256", "recorded", "recorded_by"):
        del content[name]
    content["frames"] = {"captured": 124, "tracked": 34, "dropped_engine_busy": 90}
    path.write_text(json.dumps(content))
    sidecar = read_session(folder).sidecar
    assert sidecar.first_pts_s is None
    assert sidecar.dated == "2026-01-01 00:00 UTC"
    assert sidecar.participant == "P01"


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


@pytest.fixture
def nothing(tmp_path: Path) -> list[Path]:
    """Two sessions that hold nothing: ended before the first frame, and killed before it."""
    folders = [
        write_session(tmp_path / f"P01_{i}", bent_hand, seconds=0, identity=f"1111111{i}")
        for i in range(2)
    ]
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


@pytest.mark.parametrize("name", [SIDECAR, FILE_NAME, "landmarks.json", "Video.mkv"])
def test_what_is_made_of_a_session_never_replaces_it(
    folder: Path, tmp_path: Path, name: str
) -> None:
    pytest.importorskip("jinja2", reason="needs the extra hands")
    session = read_session(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "link.json").symlink_to(folder / name)
    for to in (folder / name, tmp_path / "link.json"):
        with pytest.raises(StreamError, match="name another file with --to"):
            write_measures(session, [], to)
        with pytest.raises(StreamError, match="name another file with --to"):
            write_report([session], to)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert write_measures(session, [], tmp_path / name).is_file(), "elsewhere it is a name"


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


def test_a_folder_of_sessions_is_told_from_none(folder: Path) -> None:
    with pytest.raises(StreamError, match=f"no session: .* such as {folder} .*report"):
        read_session(folder.parent)


def test_digests_name_every_file(folder: Path) -> None:
    sidecar: Sidecar = with_digests(folder, read_session(folder).sidecar)
    write_sidecar(folder, sidecar)
    assert set(sidecar.files) == {FILE_NAME}
    assert read_session(folder).sidecar == sidecar


@pytest.mark.parametrize(
    "changed",
    [{"task": "fingertapping"}, {"hand": "both"}, {"pauses_s": None}, {"pauses_s": [[1]]},
     {"pauses_s": [["a", "b"]]}, {"software": None}, {"frames": None}, {"begun": None},
     {"begun": "yesterday"}, {"begun": "2026-01-01T00:00:00"}, {"recorded": "then"},
     {"fps": "thirty"}, {"id": "../../elsewhere"}],
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


@pytest.mark.parametrize(
    ("column", "value"),
    [(5, '"0.970'), (0, "9" * 30), (2, "rax"), (3, ""), (7, "yes"), (40, "1.0.0")],
)
def test_a_value_that_is_none_is_told(folder: Path, column: int, value: str) -> None:
    path = folder / FILE_NAME
    head, *rows = path.read_text().splitlines()
    cells = rows[20].split(",")
    rows[20] = ",".join([*cells[:column], value, *cells[column + 1 :]])
    path.write_text("\n".join([head, *rows, ""]))
    with pytest.raises(StreamError, match=rf"{path} is damaged: .*; take it from a copy"):
        read_session(folder)


def test_a_long_session_is_read_and_exported_in_little_memory(folder: Path) -> None:
    pytest.importorskip("pyarrow.parquet", reason="needs the extra hands")
    path = folder / FILE_NAME
    head, *rows = path.read_text().splitlines()
    frames = 500
    with path.open("w") as file:
        file.write(f"{head}\n")
        for number in range(frames):
            for row in rows[:2]:
                file.write(f"{number},{number / 30:.6f},{row.split(',', 2)[2]}\n")
    tracemalloc.start()
    session = read_session(folder)
    write_parquet(session)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(session.trajectories["raw"]) == len(session.trajectories["deblurred"]) == frames
    assert session.trajectories["raw"].time_s[-1] == pytest.approx((frames - 1) / 30, abs=1e-6)
    assert most < 10e6
