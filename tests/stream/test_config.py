import json
from pathlib import Path

import pytest

from stream.config import read_config
from tests.conftest import blur2blur


def test_file_stands_in_for_the_command_line(tmp_path: Path) -> None:
    config = tmp_path / "live.toml"
    config.write_text(
        'source = "synthetic:160x96@0?seconds=1"\n'
        'to = ["null"]\n'
        'deblur = "off"\n'
        "batch-wait-ms = 2.5\n"
        f'stats = "{tmp_path / "s.json"}"\n'
    )
    result = blur2blur("live", "--config", config)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "s.json").read_text())["frames_bypassed"] == 30
    louder = blur2blur("live", "synthetic:160x96@0?seconds=2", "--config", config)
    assert louder.returncode == 0, louder.stderr
    assert json.loads((tmp_path / "s.json").read_text())["frames_bypassed"] == 60


def test_model_of_the_command_line_counts_more_than_the_profile_of_a_file(tmp_path: Path) -> None:
    config = tmp_path / "live.toml"
    config.write_text('profile = "nobody"\nto = "null"\ndeblur = "off"\n')
    run = ("live", "synthetic:160x96@0?seconds=0.1", "--config", config)
    assert "no profile 'nobody'" in blur2blur(*run).stderr
    result = blur2blur(*run, "--model", "fast")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("command", [("live", "demo", "--to", "null"), ("engine", "build")])
def test_model_and_profile_exclude_each_other(command: tuple[str, ...]) -> None:
    result = blur2blur(*command, "--model", "fast", "--profile", "nobody")
    assert result.returncode == 1
    assert "--model does not go with --profile" in result.stderr


def test_model_and_deblurrer_exclude_each_other(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    train = ("calibrate", "train", tmp_path / "none", "--profile", "mycam", "--deblurrer", "fast")
    result = blur2blur(*train, "--model", "fast")
    assert "--model does not go with --deblurrer" in result.stderr
    assert "--model" not in blur2blur(*train).stderr


def test_hands_of_a_file_are_put_off_by_the_command_line_alone(tmp_path: Path) -> None:
    config = tmp_path / "live.toml"
    config.write_text('hands = "raw"\nmax-hands = 1\nhand-region = true\nto = ["null"]\n')
    run = ("live", "synthetic:160x96@0?seconds=1", "--config", config, "--deblur", "off")
    off = blur2blur(*run, "--hands", "off")
    assert off.returncode == 0, off.stderr
    refused = blur2blur(*run, "--hands", "off", "--max-hands", "1")
    assert "--max-hands is about hands; give --hands, too" in refused.stderr


def test_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    config = tmp_path / "live.toml"
    config.write_bytes(b'\xef\xbb\xbfsource = ["0"]\r\nprofile = "caf\xc3\xa9"\r\n')
    values = read_config(config, {"source", "profile"})
    assert values == {"source": ["0"], "profile": "café"}


@pytest.mark.parametrize("wanted", [True, False])
def test_file_says_hands_as_the_option_alone_does(
    hand_model: Path, tmp_path: Path, wanted: bool
) -> None:
    config, stats = tmp_path / "live.toml", tmp_path / "s.json"
    config.write_text(f'hands = {str(wanted).lower()}\nto = "null"\ndeblur = "off"\n')
    source = "synthetic:160x96@0?seconds=0.1"
    result = blur2blur("live", source, "--config", config, "--stats", stats)
    assert result.returncode == 0, result.stderr
    assert (json.loads(stats.read_text())["hands"] is not None) is wanted


@pytest.mark.parametrize(
    ("text", "seen"),
    [("colour = 1", "colour"), ("source = ", "TOML"), ('deblur = "maybe"', "maybe")],
)
def test_mistakes_are_named(tmp_path: Path, text: str, seen: str) -> None:
    config = tmp_path / "live.toml"
    config.write_text(text)
    result = blur2blur("live", "synthetic:160x96@0?seconds=1", "--config", config)
    assert result.returncode != 0
    assert seen in result.stderr
    assert "Traceback" not in result.stderr
