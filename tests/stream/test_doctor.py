import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from stream.doctor import Finding, _extras, show


def test_extra_is_there_where_all_of_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `tensorrt` brings torch, too, which trains nothing by itself."""
    for package in ("torch", "torch_tensorrt"):
        facts = tmp_path / f"{package}-2.13.0.dist-info" / "METADATA"
        facts.parent.mkdir()
        facts.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.13.0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = {finding.topic: finding for finding in _extras()}
    assert found["extra tensorrt"].verdict == "ok"
    assert found["extra train"].verdict == "missing"
    assert found["extra train"].advice == "pip install 'blur2blur-live[train]'"


def test_a_long_path_is_shown_whole() -> None:
    path = f"/home/somebody/{'x' * 90}/hand_landmarker.task"
    said = StringIO()
    show([Finding("hand model", "missing", f"not at {path}")], Console(file=said, width=80))
    assert path in "".join(said.getvalue().split())
