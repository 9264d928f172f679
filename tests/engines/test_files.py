import ast
import hashlib
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from engines.files import (
    folder_problem,
    sha256_of,
    writable_problem,
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


def test_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    for path in (tmp_path / "a.json", tmp_path / "a"):
        drafts: list[Path] = []

        def write(draft: Path, path: Path = path, drafts: list[Path] = drafts) -> None:
            drafts.append(draft)
            draft.write_text("1")
            if len(drafts) == 1:
                write_atomically(path, write)

        write_atomically(path, write)
        assert len(set(drafts)) == 2
        assert {draft.suffix for draft in drafts if path.suffix} <= {path.suffix}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.json"]


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
    assert "is a folder; name a file" in str(folder_problem(tmp_path))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    """Also to root, whom permissions do not hold back."""
    link, pipe = tmp_path / "link.json", tmp_path / "pipe"
    link.symlink_to("/proc/far.json")
    os.mkfifo(pipe)
    for path in (Path("/proc/s.json"), link, tmp_path / f"{'long' * 62}.json"):
        assert f"{path} cannot be written: " in str(writable_problem(path))
        with pytest.raises(OSError, match=r"No such file|too long"):
            write_text_atomically(path, "new")
    assert "make it first" in str(writable_problem(tmp_path / "no" / "s.json"))
    for path in (tmp_path / "s.json", pipe, Path("/dev/stdout"), Path("/dev/null")):
        assert writable_problem(path) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.json", "pipe"]


def test_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "profile"
    kind = "card"

    def fill(name: str) -> Callable[[Path], object]:
        return lambda draft: [(draft / file).write_text(name) for file in (kind, name)]

    write_folder_atomically(folder, fill("old"), known_by=kind)
    write_folder_atomically(folder, fill("new"), known_by=kind)
    assert sorted(p.name for p in folder.iterdir()) == [kind, "new"]

    def fail(draft: Path) -> None:
        (draft / "half").write_text("3")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder_atomically(folder, fail, known_by=kind)
    assert sorted(p.name for p in folder.iterdir()) == [kind, "new"]
    assert [p.name for p in folder.parent.iterdir()] == ["profile"]


def test_what_is_something_else_is_not_replaced(tmp_path: Path) -> None:
    thesis = tmp_path / "victim" / "thesis.doc"
    thesis.parent.mkdir()
    thesis.write_text("years")
    for folder in (thesis.parent, tmp_path, thesis):
        with pytest.raises(FileExistsError, match="which is not replaced"):
            write_folder_atomically(folder, lambda draft: None, known_by="card")
    assert thesis.read_text() == "years"
    empty = tmp_path / "empty"
    empty.mkdir()
    write_folder_atomically(empty, lambda draft: (draft / "new").write_text("1"))
    assert (empty / "new").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "victim"]


def test_links_are_followed_and_pipes_stay_pipes(tmp_path: Path) -> None:
    far, link, pipe = tmp_path / "far.json", tmp_path / "link.json", tmp_path / "pipe"
    far.write_text("old")
    link.symlink_to(far)
    write_text_atomically(link, "new")
    assert link.is_symlink()
    assert far.read_text() == "new"
    os.mkfifo(pipe)
    heard: list[str] = []
    reader = Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    write_text_atomically(pipe, "through")
    reader.join(10)
    assert heard == ["through"]
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="descriptors have no names here")
def test_pipes_without_a_name_are_written_to() -> None:
    """As of ``--stats /dev/stdout | jq`` and ``--stats >(jq)``."""
    reader, writer = os.pipe()
    write_text_atomically(Path(f"/dev/fd/{writer}"), "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no umask")
def test_permissions_are_those_of_the_umask_or_of_what_was_there(tmp_path: Path) -> None:
    new, old, folder = tmp_path / "new.json", tmp_path / "old.json", tmp_path / "folder"
    old.write_text("1")
    old.chmod(0o640)
    before = os.umask(0o077)
    try:
        for path in (new, old):
            write_text_atomically(path, "2")
        write_folder_atomically(folder, lambda draft: (draft / "card").touch())
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o750)
        write_folder_atomically(folder, lambda draft: (draft / "card").touch(), known_by="card")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (new, old, folder)]
    assert modes == [0o600, 0o640, 0o750]


def test_a_file_of_any_size_is_summed_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "video.mkv"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    tracemalloc.start()
    found = sha256_of(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = hashlib.sha256()
    for _ in range(300):
        expected.update(bytes(1_000_000))
    assert found == expected.hexdigest()
    assert most < 3e6


@pytest.mark.parametrize("package", ["engines", "stream", "calibration"])
def test_tempfile_is_not_asked_for_names_in_a_folder_of_the_users(package: str) -> None:
    """Where Windows denies writing there it tries 2**31 of them, which is to hang."""
    root = Path(__file__).parents[2]
    asked = [
        f"{path.relative_to(root)}:{call.lineno}"
        for path in sorted((root / package).rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).startswith("tempfile.")
        and any(keyword.arg == "dir" for keyword in call.keywords)
    ]
    assert asked == []
