from pathlib import Path

import pytest

from engines.files import (
    folder_problem,
    write_atomically,
    write_folder_atomically,
    write_text_atomically,
)


def test_replaces_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text_atomically(path, "old")
    write_text_atomically(path, "new")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_failure_midway_keeps_the_old_content_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    assert folder_problem(tmp_path / "out.mp4") is None
    assert "no does not exist; make it first" in str(folder_problem(tmp_path / "no" / "out.mp4"))


def test_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "profile"
    write_folder_atomically(folder, lambda draft: (draft / "old").write_text("1"))
    write_folder_atomically(folder, lambda draft: (draft / "new").write_text("2"))
    assert [p.name for p in folder.iterdir()] == ["new"]

    def fail(draft: Path) -> None:
        (draft / "half").write_text("3")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder_atomically(folder, fail)
    assert [p.name for p in folder.iterdir()] == ["new"]
    assert [p.name for p in folder.parent.iterdir()] == ["profile"]
