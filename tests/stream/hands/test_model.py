"""Where the hand model goes, which is looked at before anything is fetched."""

import shutil
from pathlib import Path

import pytest

from stream.errors import StreamError
from stream.hands.model import FILE_NAME, make_model
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
