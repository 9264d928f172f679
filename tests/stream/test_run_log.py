import json
import os
from pathlib import Path

import pytest

from stream.errors import OutputError
from stream.run_log import RunLog
from tests.conftest import MakeClip, blur2blur


def test_a_run_is_told_from_start_to_end(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    for _ in range(2):
        result = blur2blur("live", "synthetic:160x96@0?seconds=0.5", "--to", "null", "--log", file)
        assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    events = [line["event"] for line in lines]
    assert events.count("started") == events.count("ended") == 2
    assert lines[-1]["statistics"]["frames_captured"] == 15
    assert lines[0]["time"].endswith("Z")


def test_secrets_stay_out_of_it(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    result = blur2blur(
        "live", "rtsp://me:hunter2@127.0.0.1:9/live?token=hunter2", "--to", "null", "--log", file,
        "--metrics", "127.0.0.1:0",
    )  # fmt: skip
    assert result.returncode == 1
    assert "127.0.0.1" in file.read_text()
    assert "hunter2" not in file.read_text() + result.stdout + result.stderr


def test_file_name_that_is_not_utf8_is_told(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip().rename(tmp_path / os.fsdecode(b"caf\xe9.mkv"))
    log = tmp_path / "log.jsonl"
    result = blur2blur("live", clip, "--to", "null", "--deblur", "off", "--log", log)
    assert result.returncode == 0, result.stderr
    started, *_, ended = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert started["sources"] == [str(clip)]
    assert ended["statistics"]["frames_output"] == 25


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no log"):
        RunLog(tmp_path / "missing" / "log.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_log_that_cannot_be_written_is_a_problem_that_is_told() -> None:
    result = blur2blur(
        "live", "synthetic:160x96@0?seconds=0.5", "--to", "null", "--deblur", "off",
        "--log", "/dev/full",
    )  # fmt: skip
    assert result.returncode == 1
    told = "/dev/full: the log is given up: No space left on device"
    assert result.stderr.count(f"{told}\n") == 2, "when it is given up, and at the end"
    assert f"error: {told}" in result.stderr
    assert "15 of 15 frames out" in result.stderr


def test_line_that_a_killed_run_left_unfinished_spoils_no_other(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"event": "started"}\n{"event": "sa')
    log = RunLog(file)
    log.write("started")
    log.close()
    first, torn, last = file.read_text().splitlines()
    assert (first, torn) == ('{"event": "started"}', '{"event": "sa')
    assert json.loads(last)["event"] == "started"
