import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import pytest
from rich.console import Console

from benchmarks.figure_files import problem_of, write_figures
from benchmarks.latency import LatencyBenchmark, compare, run_latency_benchmark
from benchmarks.latency_loads import scenarios
from benchmarks.runs import percentiles
from engines.errors import ProfileError
from stream.capture.source import Size
from stream.errors import StreamError
from tests.conftest import blur2blur


def test_loads_follow_what_the_engine_can_do() -> None:
    slow, fast = scenarios(50.0, 10), scenarios(5.0, 10)
    assert [s.name for s in slow] == [s.name for s in fast]
    assert "320x240" in scenarios(50.0, 10, Size(320, 240))[0].sources[0]
    assert slow[1].sources == ("synthetic:640x480@20?seconds=10",)
    assert fast[2].sources == ("synthetic:640x480@200?seconds=10",)
    assert len(fast[-1].sources) == 4
    assert ["stall" in uri for uri in fast[-1].sources] == [False, False, False, True]


@pytest.mark.parametrize("engine_ms", [3.0, 20.0, 23.6, 451.0, 5_000.0])
def test_loads_are_what_they_say(engine_ms: float) -> None:
    """Also where what the engine can do is less than two frames a second, or more than 200."""
    for scenario, share in zip(scenarios(engine_ms, 10), (0.5, 1.0, 2.0), strict=False):
        fps = float(scenario.sources[0].partition("@")[2].partition("?")[0])
        said = f"{fps:g} frames/s, {fps * engine_ms / 1000:.0%} of what the engine can do"
        assert scenario.about == said
        if engine_ms in (20.0, 23.6, 451.0):
            assert fps * engine_ms / 1000 == pytest.approx(share, rel=0.005)


def run(bare_ms: float, p95: float) -> dict[str, Any]:
    row = {"name": "under", "latency_ms": {"age": {"p95": p95}}}
    return {"engine": {"bare_ms": bare_ms}, "scenarios": [row]}


def test_runs_are_compared_in_engine_times() -> None:
    assert compare(run(20, 30), run(20, 25)) == []
    assert compare(run(40, 60), run(20, 30)) == [], "a slower machine is not a worse program"
    assert "under" in compare(run(20, 60), run(20, 30))[0]


def test_percentiles_of_nothing() -> None:
    assert percentiles([])["count"] == 0
    assert percentiles([1.0, 3.0])["max"] == 3.0


def test_every_scenario_gives_figures(tmp_path: Path) -> None:
    file, chart = tmp_path / "latency.json", tmp_path / "latency.png"
    result = blur2blur(
        "bench",
        "latency",
        "--model",
        "fast",
        "--size",
        "320x240",
        "--seconds",
        "4",
        "--json",
        file,
        "--chart",
        chart,
        timeout_s=300,
    )
    assert result.returncode == 0, result.stderr
    rows = {row["name"]: row for row in json.loads(file.read_text())["scenarios"]}
    assert list(rows) == [scenario.name for scenario in scenarios(20.0, 4)]
    for row in rows.values():
        dropped = sum(row["frames_dropped"].values())
        assert row["frames_captured"] == row["frames_output"] + dropped
        assert row["frames_output"] > 5
        stamped, seen = row["latency_ms"]["age"], row["glass_to_glass_ms"]
        if seen is not None:
            assert seen["count"] == row["frames_output"]
            assert seen["stamp_error_ms"] < 1, "pixels and stamps tell the same"
            bin_ms = 0.01 * stamped["p50"]
            assert abs(seen["p50"] - stamped["p50"]) < 10 + bin_ms, "of frames and of the ledger"
    assert rows["over"]["frames_dropped"]["engine_busy"] > 0
    assert rows["slow-subscriber"]["subscriber_age_ms"]["count"] > 5
    assert rows["reconnect"]["back_after_ms"] < 2500
    assert len(rows["four"]["by_source"]) == 4
    assert min(camera["output"] for camera in rows["four"]["by_source"].values()) > 0
    three_and_stalled = [c["captured"] for c in rows["four-one-stalls"]["by_source"].values()]
    assert three_and_stalled[3] < 0.5 * min(three_and_stalled[:3])
    assert "| under" in file.with_suffix(".md").read_text()
    assert cv2.imread(str(chart)) is not None
    for stored, problem in ((chart, "no stored run"), (file, "say --size 320x240")):
        again = blur2blur("bench", "latency", "--check", stored)
        assert again.returncode == 1
        assert problem in " ".join(again.stderr.split())


@pytest.mark.parametrize(
    "stored",
    [
        [1, 2],
        "latency",
        {"benchmark": "publish"},
        {"benchmark": "latency"},
        {"benchmark": "latency", "scenarios": 3, "engine": {"bare_ms": 20.0}},
        {"benchmark": "latency", "scenarios": [{"name": "under", "latency_ms": {}}]},
        {"benchmark": "latency", "scenarios": run(20, 25)["scenarios"]},
        {"benchmark": "latency", **run(0, 25)},
    ],
)
def test_stored_run_that_lacks_something_is_refused_before_anything_is_measured(
    stored: object, tmp_path: Path
) -> None:
    never = LatencyBenchmark(profile="no-such-profile")
    check = tmp_path / "stored.json"
    check.write_text(json.dumps(stored))
    with pytest.raises(StreamError, match=r"stored\.json is no stored run of bench latency"):
        run_latency_benchmark(never, json_file=None, chart=None, check=check, console=Console())


def test_stored_run_with_all_that_is_compared_is_taken(tmp_path: Path) -> None:
    never = LatencyBenchmark(profile="no-such-profile")
    check = tmp_path / "stored.json"
    check.write_text(json.dumps({"benchmark": "latency", **run(20, 25)}))
    with pytest.raises(ProfileError, match="no-such-profile"):
        run_latency_benchmark(never, json_file=None, chart=None, check=check, console=Console())


def test_table_does_not_take_the_place_of_the_figures(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "run.json", None) is None
    assert "where the table goes" in str(problem_of(tmp_path / "run.md", None))
    (tmp_path / "run.md").mkdir()
    assert "run.md" in str(problem_of(tmp_path / "run.json", None))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that are files")
def test_nothing_is_put_beside_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "figures.fifo"
    os.mkfifo(pipe)
    assert problem_of(pipe, None) is None
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        write_figures(pipe, {"a": 1}, "table")
        assert json.loads(read.result(10)) == {"a": 1}
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_file_that_cannot_be_written_is_told_of_before_anything_is_measured() -> None:
    never = LatencyBenchmark(profile="no-such-profile")
    with pytest.raises(StreamError, match=r"/proc/l\.json cannot be written"):
        run_latency_benchmark(
            never, json_file=Path("/proc/l.json"), chart=None, check=None, console=Console()
        )
