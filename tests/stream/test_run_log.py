import json
import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from socket import create_server

import pytest
from rich.console import Console

from stream.errors import OutputError, StreamError
from stream.live import LiveJob, run_live
from stream.output.publisher import Publisher
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


def test_run_that_does_not_begin_is_told_and_leaves_nothing_bound(tmp_path: Path) -> None:
    file, console = tmp_path / "log.jsonl", Console(file=StringIO())
    with create_server(("127.0.0.1", 0)) as probe:
        uri = f"zmq+tcp://127.0.0.1:{probe.getsockname()[1]}"
    job = LiveJob(sources=("synthetic:160x96@0?seconds=0.5",), outputs=(uri,), deblur="off")
    with pytest.raises(StreamError, match="ports go up to 65535") as seen:
        run_live(replace(job, metrics="127.0.0.1:99999", log=file), console)
    started, ended = [json.loads(line) for line in file.read_text().splitlines()]
    assert (started["event"], ended["event"]) == ("started", "ended")
    assert ended["problems"] == [str(seen.value)]
    Publisher(uri).close()
    with pytest.raises(StreamError, match="nothing is known of ftp") as seen:
        run_live(replace(job, outputs=(uri, "ftp://x")), console)
    assert run_live(job, console) == 0


@pytest.mark.parametrize("other", ["--stats", "--to"])
def test_log_is_no_file_that_something_else_is_written_to(tmp_path: Path, other: str) -> None:
    file = tmp_path / "a.mkv"
    file.write_bytes(b"of old")
    result = blur2blur(
        "live", "synthetic:160x96@0?seconds=0.5", "--to", "null", other, file, "--log", file
    )
    assert result.returncode == 1
    assert f"{file} would be written twice; name another file" in result.stderr
    assert file.read_bytes() == b"of old"


def test_source_is_not_appended_to(make_clip: MakeClip) -> None:
    clip = make_clip()
    content = clip.read_bytes()
    result = blur2blur("live", clip, "--to", "null", "--log", clip)
    assert result.returncode == 1
    assert "is the source itself; name another file" in result.stderr
    assert clip.read_bytes() == content


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
