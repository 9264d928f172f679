"""Kept engines: whole or absent, trusted only where everything fits, and never shared."""

import errno
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

from engines.cache import CARD, EngineCache, clear, kept_engines, remove, sharing_problem
from tests.conftest import PLAIN_SHORT, run_python
from tests.engines.conftest import folder_of_no_root

KEY = {"backend": "some", "weights": "abc", "batch": 1, "version": {"a": "1", "b": "2"}}


def keep(folder: Path, content: bytes = b"engine", said: list[str] | None = None) -> None:
    lines = [] if said is None else said
    EngineCache(folder, lines.append).keep(KEY, lambda f: f.write_bytes(content), build_s=1.5)


def load(folder: Path, said: list[str] | None = None) -> bytes | None:
    return EngineCache(folder, [].append if said is None else said.append).load(
        KEY, lambda file: file.read_bytes()
    )


def test_what_is_kept_is_found_again_with_its_story(tmp_path: Path) -> None:
    folder = tmp_path / "engines"
    assert load(folder) is None
    keep(folder)
    assert load(folder) == b"engine"
    (kept,) = kept_engines(folder)
    assert kept.card["key"] == KEY
    assert (kept.card["bytes"], kept.card["build_s"]) == (6, 1.5)
    assert kept.card["built"].endswith("Z")
    assert folder.stat().st_mode & 0o077 == 0, "nobody else looks in"


@pytest.mark.parametrize(
    "change",
    [{"weights": "abd"}, {"batch": 2}, {"version": {"a": "1", "b": "3"}}, {"backend": "other"}],
)
def test_another_key_is_another_engine(tmp_path: Path, change: dict[str, object]) -> None:
    keep(tmp_path)
    other = EngineCache(tmp_path).load({**KEY, **change}, lambda file: file.read_bytes())
    assert other is None


def damaged_engine(folder: Path) -> None:
    kept_engines(folder)[0].file.write_bytes(b"engime")


def truncated_engine(folder: Path) -> None:
    kept_engines(folder)[0].file.write_bytes(b"eng")


def lost_engine(folder: Path) -> None:
    kept_engines(folder)[0].file.unlink()


def lost_card(folder: Path) -> None:
    (kept_engines(folder)[0].folder / CARD).unlink()


def card_of_another_key(folder: Path) -> None:
    (kept,) = kept_engines(folder)
    card = {**kept.card, "key": {**KEY, "weights": "somebody else's"}}
    (kept.folder / CARD).write_text(json.dumps(card))


@pytest.mark.parametrize(
    "harm", [damaged_engine, truncated_engine, lost_engine, lost_card, card_of_another_key]
)
def test_damaged_truncated_or_foreign_ones_are_built_again(tmp_path: Path, harm: object) -> None:
    keep(tmp_path)
    harm(tmp_path)  # type: ignore[operator]
    said: list[str] = []
    assert load(tmp_path, said) is None
    assert "building it again" in said[0]
    keep(tmp_path, b"a new one")
    assert load(tmp_path) == b"a new one"


def test_one_that_its_library_does_not_take_is_built_again(tmp_path: Path) -> None:
    keep(tmp_path)
    said: list[str] = []

    def read(file: Path) -> bytes:
        raise RuntimeError("The engine plan file is not compatible with this version of TensorRT")

    assert EngineCache(tmp_path, said.append).load(KEY, read) is None
    assert "not compatible" in said[0]
    assert kept_engines(tmp_path) == []


@pytest.mark.parametrize(
    "lack", [OSError(errno.EMFILE, "Too many open files"), MemoryError("bad allocation")]
)
def test_one_that_does_not_load_for_a_lack_stays_until_there_is_another(
    tmp_path: Path, lack: Exception
) -> None:
    def read(file: Path) -> bytes:
        raise lack

    keep(tmp_path)
    cache = EngineCache(tmp_path)
    assert cache.load(KEY, read) is None
    assert load(tmp_path) == b"engine"
    cache.keep(KEY, lambda file: file.write_bytes(b"a new one"), build_s=1.0)
    assert load(tmp_path) == b"a new one"


def build_at_once(folder: Path, number: int, barrier: "multiprocessing.Barrier") -> None:  # type: ignore[valid-type]
    def write(file: Path) -> None:
        file.write_bytes(bytes([number]) * 1_000_000)
        barrier.wait(20)  # type: ignore[attr-defined]

    EngineCache(folder).keep(KEY, write, build_s=0.0)


def test_two_processes_that_build_at_once_leave_one_good_engine(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    builders = [
        context.Process(target=build_at_once, args=(tmp_path, n, barrier)) for n in range(2)
    ]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(60)
        assert builder.exitcode == 0
    content = load(tmp_path)
    assert content in (b"\0" * 1_000_000, b"\1" * 1_000_000)
    assert len(list(tmp_path.iterdir())) == 1, "no drafts are left"


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write(file: Path) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    said: list[str] = []
    EngineCache(tmp_path, said.append).keep(KEY, write, build_s=0.0)
    assert "No space left on device" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_costs_a_line_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said: list[str] = []
    keep(tmp_path / "file", said=said)
    assert "not kept" in said[0]


def test_read_only_folder_costs_a_line_only() -> None:
    said: list[str] = []
    with folder_of_no_root() as folder:
        folder.chmod(0o500)
        keep(folder, said=said)
        assert load(folder) is None
    assert said == [f"the compiled engine is not kept: {folder}: Permission denied"]


def test_what_cannot_be_removed_is_not_said_to_be() -> None:
    with folder_of_no_root() as folder:
        keep(folder)
        (kept,) = kept_engines(folder)
        folder.chmod(0o500)
        for remover in (lambda: remove(kept), lambda: clear(folder)):
            with pytest.raises(PermissionError) as raised:
                remover()
            assert raised.value.filename == str(kept.folder)


@pytest.mark.skipif(sys.platform == "win32", reason="other rights there")
def test_folder_that_others_may_write_to_is_not_trusted(tmp_path: Path) -> None:
    keep(tmp_path)
    tmp_path.chmod(0o777)
    said: list[str] = []
    assert load(tmp_path, said) is None
    keep(tmp_path, b"another", said)
    assert all("others may write" in line for line in said)
    assert len(said) == 2
    tmp_path.chmod(0o700)
    assert load(tmp_path) == b"engine"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs root to give away")
def test_folder_of_another_user_is_not_trusted(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    problem = sharing_problem(tmp_path)
    assert problem is not None
    assert "another user" in problem


def test_what_is_no_engine_is_not_listed(tmp_path: Path) -> None:
    keep(tmp_path)
    (tmp_path / "inductor").mkdir()
    assert len(kept_engines(tmp_path)) == 1


def test_library_that_cannot_write_costs_a_line_only(tmp_path: Path) -> None:
    def write(file: Path) -> None:
        raise ValueError("this module cannot be saved")

    said: list[str] = []
    EngineCache(tmp_path, said.append).keep(KEY, write, build_s=0.0)
    assert said == ["the compiled engine is not kept: ValueError: this module cannot be saved"]
    assert list(tmp_path.iterdir()) == []


def test_removed_ones_are_gone_and_the_rest_stays(tmp_path: Path) -> None:
    keep(tmp_path)
    EngineCache(tmp_path).keep({**KEY, "batch": 2}, lambda f: f.write_bytes(b"2"), build_s=0.0)
    first, second = kept_engines(tmp_path)
    remove(first)
    assert [kept.name for kept in kept_engines(tmp_path)] == [second.name]
    (tmp_path / "verified.json").write_text("{}")
    assert clear(tmp_path) == 2
    assert list(tmp_path.iterdir()) == []


def test_no_folder_keeps_nothing() -> None:
    cache = EngineCache(None)
    cache.keep(KEY, lambda file: pytest.fail("nothing is to be written"), build_s=0.0)
    assert cache.load(KEY, lambda file: file) is None


def test_what_nobody_used_for_months_goes(tmp_path: Path) -> None:
    old, fresh = ({**KEY, "batch": batch} for batch in (2, 3))
    cache = EngineCache(tmp_path)
    for key in (old, fresh):
        cache.keep(key, lambda file: file.write_bytes(b"engine"), build_s=1.0)
    for name in (".draft-killed", ".draft-under-way"):
        (tmp_path / name).mkdir()
    long_ago = time.time() - 61 * 86400
    for place in tmp_path.iterdir():
        if place.name != ".draft-under-way":
            os.utime(place, (long_ago, long_ago))
    assert cache.load(fresh, lambda file: file.read_bytes()) == b"engine"
    keep(tmp_path)
    assert {engine.card["key"]["batch"] for engine in kept_engines(tmp_path)} == {1, 3}
    assert [place.name for place in tmp_path.glob(".draft-*")] == [".draft-under-way"]


FORBIDDEN = """
import os, sys
from pathlib import Path
from engines.cache import EngineCache
from engines.engine import EngineShape
from engines.profile import load_profile
from engines import selfcheck
from engines.selfcheck import reference

folder, profile = Path(sys.argv[1]), load_profile(sys.argv[2])
selfcheck._compute = lambda profile, shape, frames: frames  # whose libraries nobody may read
os.seteuid(65534)  # nobody
cache, key = EngineCache(folder, print), {"backend": "some"}
assert cache.load(key, lambda file: file.read_bytes()) is None
cache.keep(key, lambda file: file.write_bytes(b"x"), build_s=1.0)
assert reference(profile, EngineShape(height=64, width=64), cache=folder, say=print) is not None
"""


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="needs two users, as root has them"
)
def test_cache_that_cannot_be_entered_is_none() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        (folder / "engines").mkdir(mode=0o700)
        result = run_python(FORBIDDEN, str(folder / "engines"), str(PLAIN_SHORT))
        assert result.returncode == 0, result.stderr
        assert "not kept: " in result.stdout
        assert f"{folder / 'engines'} belongs to another user" in result.stdout
        assert "the reference is not kept" in result.stdout
    finally:
        shutil.rmtree(folder)
