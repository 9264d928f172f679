"""Reports: of whom, where, and what they show."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")
pytest.importorskip("jinja2", reason="needs the extra hands")

from stream.errors import StreamError
from stream.hands.report import write_report
from stream.hands.session import read_session, read_sidecar, with_digests, write_sidecar
from stream.hands.session_choice import choose_sessions, report_path
from tests.conftest import blur2blur
from tests.stream.hands.synthetic_hand import tapping, write_session


def session_of(folder: Path, **facts: object) -> Path:
    """Two seconds of tapping, recorded with other facts than usual."""
    write_session(folder, tapping(2.0, 1.0), task="finger-tapping", seconds=2)
    write_sidecar(folder, replace(read_sidecar(folder), **facts))  # type: ignore[arg-type]
    return folder


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """A folder of two sessions of P07, and one of P08."""
    for name, participant in (("a", "P07"), ("b", "P07"), ("c", "P08")):
        session_of(tmp_path / "sessions" / name, participant=participant)
    return tmp_path / "sessions"


def test_a_participant_is_chosen_from_a_folder_of_several(sessions: Path) -> None:
    result = blur2blur("session", "report", sessions)
    assert result.returncode == 1
    assert "(P07, P08)" in result.stderr
    assert "--participant P07" in result.stderr
    own = sessions / "a" / "report.html"
    own.write_text("of one session")
    result = blur2blur("session", "report", sessions, "--participant", "P07")
    assert result.returncode == 0, result.stderr
    page = (sessions / "report_P07.html").read_text()
    assert page.count("How it was recorded") == 2
    assert "Over time" in page
    assert own.read_text() == "of one session"
    assert choose_sessions([sessions], "P08") == [sessions / "c"]
    with pytest.raises(StreamError, match=r"no session of P09 in .*sessions; .* of P07, P08"):
        choose_sessions([sessions], "P09")


def test_a_session_that_is_named_twice_is_taken_once(sessions: Path) -> None:
    (sessions.parent / "linked").symlink_to(sessions / "a")
    places = [sessions / "a", sessions / "b" / ".." / "a", sessions.parent / "linked", sessions]
    assert len(choose_sessions(places, "P07")) == 2
    assert len(choose_sessions(places[:3])) == 1


def test_where_a_report_goes(sessions: Path, tmp_path: Path) -> None:
    a, b = sessions / "a", sessions / "b"
    assert report_path([a], [a], "P07") == a / "report.html"
    assert report_path([a, a], [a], "P07") == a / "report.html"
    assert report_path([a, b], [a, b], "P07") == sessions / "report_P07.html"
    assert report_path([sessions], [sessions / "c"], "P08") == sessions / "report_P08.html"
    elsewhere = [a, tmp_path / "d" / "e"]
    assert report_path(elsewhere, elsewhere, "P07") == tmp_path / "report_P07.html"
    assert report_path([sessions], [a, b], "../P07") == sessions / "report_P07.html"


def test_a_session_without_a_hand_is_reported_in_silence(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "a", tapping(2.0, 1.0), seconds=2, missing=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        write_report([read_session(folder)], folder / "report.html")


@pytest.mark.parametrize("cut", [True, False])
def test_a_table_that_was_changed_is_told(tmp_path: Path, cut: bool) -> None:
    folder = session_of(tmp_path / "a")
    write_sidecar(folder, with_digests(folder, read_sidecar(folder)))
    assert not read_session(folder).warning
    table = folder / "landmarks.csv"
    whole = table.read_text()
    lines = whole.splitlines(keepends=True)
    table.write_text("".join(lines[:-4]) if cut else whole.replace("0.970", "0.980", 1))
    for command in (("measure",), ("report",), ("export", "--bids", tmp_path / "bids")):
        result = blur2blur("session", command[0], folder, *command[1:])
        assert result.returncode == 0, result.stderr
        assert f"{folder}: landmarks.csv is not as it was recorded" in result.stderr
    assert "landmarks.csv is not as it was recorded" in (folder / "report.html").read_text()
    write_sidecar(folder, replace(read_sidecar(folder), state="recording"))
    assert not read_session(folder).warning


def test_figures_that_cannot_be_written_are_shown(tmp_path: Path) -> None:
    folder = session_of(tmp_path / "a")
    (folder / "measures.json").mkdir()
    result = blur2blur("session", "measure", folder)
    assert result.returncode == 1
    assert "jumps" in result.stdout
    assert "measures.json cannot be written: " in result.stderr
    assert "--to" in result.stderr
    elsewhere = tmp_path / "figures.json"
    assert blur2blur("session", "measure", folder, "--to", elsewhere).returncode == 0
    assert json.loads(elsewhere.read_text())["task"] == "finger-tapping"
