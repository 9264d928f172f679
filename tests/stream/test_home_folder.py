import json
from pathlib import Path

import pytest

from stream.endpoint import parse_endpoint
from stream.home_folder import with_home
from tests.conftest import blur2blur, read_clip


def test_home_is_found_behind_options_and_in_a_configuration_file(tmp_path: Path) -> None:
    """Nothing of this is seen by a shell."""
    (tmp_path / "live.toml").write_text('to = ["~/b.mkv", "null"]\nstats = "~/stats.json"\n')
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    source, more = "synthetic:160x96@0?seconds=0.2", ("--deblur", "off", "--config=~/live.toml")
    for to in (("--to=~/a.mkv",), ()):
        result = blur2blur("live", source, *to, *more, **home)
        assert result.returncode == 0, result.stderr
    again = blur2blur("live", "~/a.mkv", *more, **home)
    assert again.returncode == 0, again.stderr
    assert len(read_clip(tmp_path / "a.mkv")) == len(read_clip(tmp_path / "b.mkv")) == 6
    assert json.loads((tmp_path / "stats.json").read_text())["frames_captured"] == 6


def test_home_stands_for_a_whole_name_at_the_beginning_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert with_home("~") == str(tmp_path)
    assert with_home("--to=~/a b.mp4") == f"--to={tmp_path}/a b.mp4"
    for stays in ("~a.mp4", "./~/a.mp4", "a~", "rtsp://~/x", "--about=of ~/x", "~$clip.mp4"):
        assert with_home(stays) == stays
    address = parse_endpoint("zmq+tcp://127.0.0.1:5555?key=~/k.key_secret", {"key"})
    assert address.options["key"] == f"{tmp_path}/k.key_secret"
