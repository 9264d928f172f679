"""Where the hand model goes, which is looked at before anything is fetched."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from engines.shell import shell_word
from stream.errors import StreamError
from stream.hands.model import FILE_NAME, find_model, make_model, model_at
from tests.conftest import blur2blur


def test_a_place_that_cannot_be_written_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    said: list[str] = []
    beneath_a_file = tmp_path / "file" / "folder" / FILE_NAME
    for place in (tmp_path, tmp_path / "file" / FILE_NAME, beneath_a_file):
        with pytest.raises(StreamError, match=rf"{place} cannot be written: \S.*--to"):
            make_model(said.append, target=place)
    assert said == []


def test_a_model_in_a_folder_that_is_named_is_found(hand_model: Path, tmp_path: Path) -> None:
    shutil.copy(hand_model, tmp_path / FILE_NAME)
    result = blur2blur("hands", "model", "--to", tmp_path)
    assert result.returncode == 0, result.stderr
    assert str(tmp_path / FILE_NAME) in result.stdout.replace("\n", "")
    assert "fetching" not in result.stderr


def test_a_name_without_task_is_a_folder_to_make(tmp_path: Path) -> None:
    models, mine, of_before = tmp_path / "models", tmp_path / "mine.task", tmp_path / "before"
    of_before.write_bytes(b"")
    assert model_at(models) == models / FILE_NAME
    assert model_at(mine) == mine
    assert model_at(of_before) == of_before
    mine.mkdir()
    assert model_at(mine) == mine / FILE_NAME
    result = blur2blur("hands", "model", "--to", of_before / "models")  # before it is fetched
    assert f"{of_before / 'models' / FILE_NAME} cannot be" in " ".join(result.stderr.split())


def test_what_makes_a_bad_file_good_makes_that_one(tmp_path: Path) -> None:
    bad = tmp_path / "my models" / FILE_NAME
    bad.parent.mkdir()
    bad.write_bytes(b"bad")
    with pytest.raises(StreamError, match="it is not a hand_landmarker") as raised:
        find_model(bad)
    (told,) = re.findall("`(.+)`", str(raised.value))
    assert shlex.split(told) == ["blur2blur", "hands", "model", "--to", str(bad), "--again"]
    result = blur2blur("hands", "model", "--to", bad.parent)
    assert f"hands model --to {shell_word(bad)} --again" in " ".join(result.stderr.split())
