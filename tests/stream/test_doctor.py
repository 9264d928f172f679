import sys
from pathlib import Path

import pytest

from stream.doctor import _extras


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
