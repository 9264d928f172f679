"""Sessions in the formats of other programs."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from stream.errors import StreamError
from stream.hands.session import read_session
from stream.hands.session_files import write_bids, write_c3d, write_parquet
from stream.hands.session_table import COLUMNS, FILE_NAME, POINTS, WORLD, read_rows
from tests.conftest import files_no_larger_than
from tests.stream.hands.synthetic_hand import open_by, write_session

_MOTION = "sub-P01/ses-00000000/motion/sub-P01_ses-00000000_task-free_tracksys-raw"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_session(
        tmp_path / "P01", lambda t: open_by(0.5 + 0.4 * np.sin(9 * t)), seconds=3, missing=0.1
    )


def test_every_format_holds_the_same_numbers(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra hands")
    ezc3d = pytest.importorskip("ezc3d", reason="needs the extra hands")
    session = read_session(folder)
    rows = list(read_rows(folder / FILE_NAME))
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


def test_points_without_a_hand_are_missing_to_every_reader_of_c3d(folder: Path) -> None:
    """By the bytes: ezc3d takes what is not a number as missing, others a residual of -1 only."""
    pytest.importorskip("ezc3d", reason="needs the extra hands")
    session = read_session(folder)
    content = write_c3d(session).read_bytes()
    begin = 512 * (int.from_bytes(content[16:18], "little") - 1)
    raw = session.trajectories["raw"]
    values = np.frombuffer(content, "<f4", len(raw) * (4 * 42 + 1), begin).reshape(len(raw), -1)
    points = values[:, :-1].reshape(len(raw), 42, 4)
    detected = np.concatenate(
        [np.repeat(t.detected[:, None], 21, 1) for t in session.trajectories.values()], axis=1
    )
    assert 0 < detected.sum() < detected.size
    assert (points[~detected] == [0, 0, 0, -1]).all()
    assert (points[detected][:, 3] == 0).all()


@pytest.mark.parametrize("fps", [30, 60, 120, 240])
def test_the_rate_of_a_clip_whose_times_are_whole_milliseconds(tmp_path: Path, fps: int) -> None:
    """As in Matroska and WebM; a frame was dropped, and there was a pause."""
    ezc3d = pytest.importorskip("ezc3d", reason="needs the extra hands")
    times = [round(n / fps, 3) for n in range(4 * fps) if n != fps]
    session = read_session(
        write_session(tmp_path / "P01", lambda t: open_by(t), times_s=times, pauses_s=[(2, 2.5)])
    )
    session = replace(session, sidecar=replace(session.sidecar, fps=None))
    file = ezc3d.c3d(str(write_c3d(session)))
    assert file["parameters"]["POINT"]["RATE"]["value"] == pytest.approx([fps], rel=2e-3)
    written = write_bids(session, tmp_path / "bids")
    (described,) = (p for p in written if p.name.endswith("raw_motion.json"))
    assert json.loads(described.read_text())["SamplingFrequency"] == pytest.approx(fps, rel=2e-3)


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


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last_line_ends", [True, False])
def test_what_a_bids_data_set_holds_stays(
    folder: Path, tmp_path: Path, end: str, last_line_ends: bool
) -> None:
    root = tmp_path / "study"
    root.mkdir()
    (root / "README").write_text("of the user")
    lines = ["participant_id\tage\tsex", "sub-P09\t61\tF", "sub-P02\t70\tM"]
    before = end.join(lines) + (end if last_line_ends else "")
    table = root / "participants.tsv"
    table.write_bytes(before.encode())
    session = read_session(folder)
    written = write_bids(session, root)
    expected = end.join([*lines, "sub-P01\tn/a\tn/a"]) + end
    assert table.read_bytes().decode() == expected
    assert (root / "README").read_text() == "of the user"
    assert table in written
    assert root / "README" not in written
    again = replace(session, sidecar=replace(session.sidecar, participant="P09", id="11111111"))
    assert table not in write_bids(again, root)
    assert table.read_bytes().decode() == expected


@pytest.mark.parametrize("other", ["P-01", "P_01", "p01"])
def test_two_participants_do_not_become_one_in_bids(
    folder: Path, tmp_path: Path, other: str
) -> None:
    root = tmp_path / "study"
    session = read_session(folder)
    write_bids(session, root)
    second = replace(session, sidecar=replace(session.sidecar, id="11111111"))
    write_bids(second, root)
    before = sorted(root.rglob("*"))
    clash = replace(second, sidecar=replace(second.sidecar, participant=other, id="22222222"))
    problem = rf"sub-P01 is of participant P01, and {other} has the same name .*another folder"
    with pytest.raises(StreamError, match=problem):
        write_bids(clash, root)
    assert sorted(root.rglob("*")) == before
    write_bids(clash, tmp_path / "another")


def test_a_bids_data_set_of_an_earlier_version_is_added_to(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "study"
    session = read_session(folder)
    for described in (p for p in write_bids(session, root) if p.name.endswith("_motion.json")):
        content = json.loads(described.read_text())
        del content["ParticipantCode"]
        described.write_text(json.dumps(content))
    write_bids(replace(session, sidecar=replace(session.sidecar, id="11111111")), root)
    assert len(list(root.glob("sub-P01/ses-*"))) == 2


@pytest.mark.parametrize("frames", [65_535, 65_536])
def test_c3d_takes_no_more_frames_than_it_counts(folder: Path, frames: int) -> None:
    ezc3d = pytest.importorskip("ezc3d", reason="needs the extra hands")
    session = read_session(folder)
    raw = session.trajectories["raw"]
    arrays = {
        field.name: np.resize(array, (frames, *array.shape[1:]))
        for field in fields(raw)
        if isinstance(array := getattr(raw, field.name), np.ndarray)
    }
    long = replace(raw, **{**arrays, "time_s": np.arange(frames) / 30})
    session = replace(session, trajectories={"raw": long})
    if frames == 65_535:
        file = ezc3d.c3d(str(write_c3d(session)))
        assert file["data"]["points"].shape == (4, 21, frames)
        assert file["data"]["analogs"][0, 0, -1] == pytest.approx(long.time_s[-1])
    else:
        with pytest.raises(StreamError, match=r"65536; .*--bids or --parquet.*--seconds 2184"):
            write_c3d(session)
        assert not list(folder.glob("*.c3d"))


@pytest.mark.parametrize("size", [0, 1_000, 40_000, 62_975])
def test_a_c3d_file_that_is_cut_off_does_not_replace_one(folder: Path, size: int) -> None:
    pytest.importorskip("ezc3d", reason="needs the extra hands")
    session = read_session(folder)
    path = write_c3d(session)
    before = path.read_bytes()
    assert len(before) > size
    with (
        files_no_larger_than(size),
        pytest.raises(StreamError, match=r"landmarks\.c3d cannot be written: No space left"),
    ):
        write_c3d(session)
    assert path.read_bytes() == before
    assert {file.name for file in folder.iterdir()} == {FILE_NAME, "session.json", path.name}


@pytest.mark.parametrize("content", [b"age\tparticipant_id\n61\tsub-P09\n", b"", b"\xff\xfe"])
def test_another_table_of_participants_is_refused(
    folder: Path, tmp_path: Path, content: bytes
) -> None:
    root = tmp_path / "study"
    root.mkdir()
    (root / "participants.tsv").write_bytes(content)
    with pytest.raises(StreamError, match=r"participants\.tsv (begins with|is not UTF-8)"):
        write_bids(read_session(folder), root)
    assert [path.name for path in root.iterdir()] == ["participants.tsv"]
    assert (root / "participants.tsv").read_bytes() == content


@pytest.mark.parametrize("taken", ["", "sub-P01", "participants.tsv", f"{_MOTION}_motion.tsv"])
def test_a_place_that_bids_files_cannot_be_written_to_is_named(
    folder: Path, tmp_path: Path, taken: str
) -> None:
    """A file where a folder is to be, or the other way round."""
    root = tmp_path / "study"
    if taken in ("", "sub-P01"):
        (root / taken).parent.mkdir(exist_ok=True)
        (root / taken).write_text("a file")
    else:
        (root / taken).mkdir(parents=True)
    with pytest.raises(StreamError, match=r"study.* cannot be"):
        write_bids(read_session(folder), root)
