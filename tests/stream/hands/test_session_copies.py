"""Which of several copies of a session is taken."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from stream.hands.session import read_sidecar, write_sidecar
from stream.hands.session_choice import choose_sessions
from tests.stream.hands.synthetic_hand import tapping, write_session


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """A folder of two sessions."""
    for name in ("a", "b"):
        write_session(tmp_path / name, tapping(2.0, 1.0), seconds=2, identity=4 * f"{name}0")
    return tmp_path


@pytest.mark.parametrize("begin", ['0,"', f"{'9' * 30},"], ids=["quote", "too large a number"])
def test_a_copy_that_is_no_table_any_more_is_not_taken(sessions: Path, begin: str) -> None:
    whole = sessions / "a - Copy"
    shutil.copytree(sessions / "a", whole)
    table = sessions / "a" / "landmarks.csv"
    head, *rows = table.read_text().splitlines()
    rows[20] = begin + rows[20].split(",", 1)[1]
    table.write_text("\n".join([head, *rows, ""]))
    said: list[str] = []
    assert choose_sessions([sessions], "P01", said.append) == [whole, sessions / "b"]
    assert len(said) == 1
    (line,) = said
    assert line.startswith(f"{sessions / 'a'} is left out: it is a copy of {whole}, by its id; ")
    assert line.endswith("; take it from a copy")


def cut_off_copy(session: Path, name: str, rows: int) -> Path:
    """As one that was made while it was recorded."""
    copy = session.with_name(name)
    shutil.copytree(session, copy)
    write_sidecar(copy, replace(read_sidecar(copy), state="recording", frames={}, files={}))
    lines = (copy / "landmarks.csv").read_text().splitlines(keepends=True)
    (copy / "landmarks.csv").write_text("".join(lines[: 1 + rows]))
    return copy


def test_of_copies_the_one_that_is_not_cut_off_is_taken(sessions: Path) -> None:
    whole = sessions / "b"
    for name in ("a copy of b", "b - Copy"):
        cut_off_copy(whole, name, rows=20)
    said: list[str] = []
    assert choose_sessions([sessions], "P01", said.append) == [sessions / "a", whole]
    assert len(said) == 2
    for line in said:
        assert line.endswith(f" is left out: it is a copy of {whole}, by its id; it was cut off")


def test_of_copies_that_are_all_cut_off_the_longest_is_taken(sessions: Path) -> None:
    longest = cut_off_copy(sessions / "b", "d", rows=40)
    cut_off_copy(longest, "e", rows=20)
    shutil.copytree(longest, sessions / "f")
    shutil.rmtree(sessions / "b")
    (sessions / "f" / "landmarks.csv").write_text("something else")
    assert choose_sessions([sessions], "P01") == [sessions / "a", longest]
    cut_off_copy(longest, "c2", rows=10)
    assert choose_sessions([sessions], "P01") == [sessions / "a", longest]
