"""Sessions on the disk: whole, cut off, exported, deleted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stream.errors import StreamError
from stream.hands.session import (
    Sidecar,
    check_participant,
    contents,
    delete_session,
    find_sessions,
    read_session,
    with_digests,
    write_sidecar,
)
from stream.hands.session_files import write_bids, write_c3d, write_parquet
from stream.hands.session_recorder import SessionRecorder
from stream.hands.session_table import COLUMNS, FILE_NAME, POINTS, WORLD, read_rows
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


def test_every_format_holds_the_same_numbers(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra hands")
    ezc3d = pytest.importorskip("ezc3d", reason="needs the extra hands")
    session = read_session(folder)
    rows = read_rows(folder / FILE_NAME)
    table = parquet.read_table(write_parquet(session)).to_pydict()
    assert tuple(table) == COLUMNS
    for name in (*POINTS, *WORLD, "time_s"):
        expected = [float(row[name]) if row[name] else None for row in rows]
        assert table[name] == expected
    file = ezc3d.c3d(str(write_c3d(session)))
    points = file["data"]["points"]
    labels = file["parameters"]["POINT"]["LABELS"]["value"]
    assert len(labels) == 42
    for picture, trajectory in session.trajectories.items():
        for i in (0, 8, 20):
            name = POINTS[3 * i].removesuffix("_x_px")
            found = points[:3, labels.index(f"{picture}_{name}")].T
            expected = np.float32(1000 * trajectory.world[:, i])
            assert np.array_equal(np.float32(found), expected, equal_nan=True)
    assert file["data"]["analogs"][0, 0] == pytest.approx(session.trajectories["raw"].time_s)


def test_bids_files_pass_the_official_validator(folder: Path, tmp_path: Path) -> None:
    import shutil
    import subprocess
    import sys

    validator = Path(sys.executable).with_name("bids-validator-deno")
    if not validator.exists() and shutil.which("bids-validator-deno") is None:
        pytest.skip("needs bids-validator-deno")
    root = tmp_path / "bids"
    session = read_session(folder)
    written = write_bids(session, root)
    assert any(path.name.endswith("tracksys-deblurred_motion.tsv") for path in written)
    result = subprocess.run(
        [str(validator), str(root), "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    issues = json.loads(result.stdout)["issues"]["issues"]
    errors = [issue for issue in issues if issue["severity"] == "error"]
    assert not errors, errors


def test_a_second_participant_joins_the_bids_data_set(folder: Path, tmp_path: Path) -> None:
    session = read_session(folder)
    write_bids(session, tmp_path)
    second = replace(session, sidecar=replace(session.sidecar, participant="P02", id="11111111"))
    write_bids(second, tmp_path)
    assert (tmp_path / "participants.tsv").read_text().split() == [
        "participant_id", "sub-P01", "sub-P02",
    ]  # fmt: skip
    (table,) = tmp_path.glob("sub-P02/ses-*/motion/*tracksys-raw_motion.tsv")
    values = table.read_text().splitlines()
    assert len(values) == 90
    assert any("n/a" in line for line in values)


@pytest.mark.parametrize("name", ["Anna", "Anna Schmidt", "a@b.de", "P07/..", "", "Schmidt1970"])
def test_names_are_refused(name: str) -> None:
    with pytest.raises(StreamError, match="such as P07"):
        check_participant(name)


@pytest.mark.parametrize("code", ["P07", "12", "AB-003", "S_12b"])
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


def test_digests_name_every_file(folder: Path) -> None:
    sidecar: Sidecar = with_digests(folder, read_session(folder).sidecar)
    write_sidecar(folder, sidecar)
    assert set(sidecar.files) == {FILE_NAME}
    assert read_session(folder).sidecar == sidecar
