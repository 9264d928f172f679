"""Sessions that are deleted: whole, damaged, in use, from inside."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.errors import StreamError
from stream.hands.session import SIDECAR, find_sessions, read_session
from stream.hands.session_files import write_parquet
from stream.hands.session_removal import contents, delete_session
from stream.hands.session_table import FILE_NAME
from tests.stream.hands.synthetic_hand import bent_hand, write_session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_session(tmp_path / "P01", lambda t: bent_hand(10), seconds=1)


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


def test_a_session_that_cannot_be_removed_whole_can_be_deleted_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where somebody plays the video."""
    video = folder / "video.mkv"
    video.write_bytes(b"pictures")
    unlink = os.unlink

    def in_use(path: Path, *args: int, **kwargs: int) -> None:
        if Path(path).name == video.name:
            raise PermissionError(errno.EACCES, "in use", str(path))
        unlink(path, *args, **kwargs)

    with monkeypatch.context() as context:
        context.setattr("os.unlink", in_use)
        for _ in range(2):
            with pytest.raises(StreamError, match=r"in use.*delete it again"):
                delete_session(folder)
    assert (folder / SIDECAR).exists()
    delete_session(folder)
    assert not folder.exists()


def test_a_session_is_deleted_from_inside(folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "stream.cli", "session", "delete", ".", "--yes"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert f"{folder} is removed" in "".join(result.stderr.split("\n"))
    assert not folder.exists()


def test_an_empty_folder_that_cannot_be_removed_is_said_to_be_empty(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a window of the file manager shows it."""

    def in_use(path: Path, *args: int, **kwargs: int) -> None:
        raise PermissionError(errno.EACCES, "in use", str(path))

    with monkeypatch.context() as context:
        context.setattr("os.rmdir", in_use)
        with pytest.raises(StreamError, match=rf"all that was in {folder} is removed, .*: in use"):
            delete_session(folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 9}'])
def test_a_session_whose_sidecar_cannot_be_read_is_deleted(folder: Path, damage: str) -> None:
    (folder / SIDECAR).write_text(damage)
    assert len(contents(folder)) == 2
    delete_session(folder)
    assert not folder.exists()


def test_what_only_looks_like_a_sidecar_is_no_session(tmp_path: Path) -> None:
    (tmp_path / SIDECAR).write_text("{")
    with pytest.raises(StreamError, match="not a session's sidecar"):
        delete_session(tmp_path)
    assert (tmp_path / SIDECAR).exists()


def test_what_a_link_leads_to_stays(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "of the user"
    other.mkdir()
    (other / "notes.txt").write_text("kept")
    (folder / "linked").symlink_to(other)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(StreamError, match=rf"is a link; delete {folder}"):
        delete_session(tmp_path / "link")
    assert (folder / FILE_NAME).exists()
    delete_session(folder)
    assert (other / "notes.txt").read_text() == "kept"


@pytest.mark.parametrize("answer", ["y", "n"])
def test_delete_asks_about_the_folder_that_goes(folder: Path, tmp_path: Path, answer: str) -> None:
    """Also where its name looks like markup, and a link in it leads nowhere."""
    named = tmp_path / "x[old]"
    named.mkdir()
    folder = folder.rename(named / "P07_y")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    result = subprocess.run(
        [sys.executable, "-m", "stream.cli", "session", "delete", str(folder)],
        input=f"{answer}\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert f"remove {folder} and" in "".join(result.stderr.split("\n")), result.stderr
    assert folder.exists() == (answer == "n")
