"""Files that could not be written are told before anything is measured, which takes minutes."""

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks.hands import HandsBenchmark, run_hands_benchmark
from benchmarks.latency import LatencyBenchmark, run_latency_benchmark
from benchmarks.pareto import Choice, draw_front
from benchmarks.quality import QualityBenchmark, run_quality_benchmark
from stream.commands.app import app
from stream.errors import StreamError


@pytest.mark.parametrize("name", ["ages", "c.foo", "no/c.png", "-.csv"])
def test_a_chart_or_sheet_of_no_kind_that_can_be_written(tmp_path: Path, name: str) -> None:
    """Each would fail for what it measures, too, but later."""
    path, console = tmp_path / name, Console()
    latency = LatencyBenchmark(profile="no-such-profile")
    hands = HandsBenchmark(data=tmp_path / "none", profile="no-such-profile")
    quality = QualityBenchmark(data=(tmp_path / "none",), profiles=("no-such-profile",))
    says = "does not exist; make it first" if "/" in name else "name a (chart|picture) that ends in"
    with pytest.raises(StreamError, match=says):
        run_latency_benchmark(latency, json_file=None, chart=path, check=None, console=console)
    with pytest.raises(StreamError, match=says):
        run_hands_benchmark(hands, None, path, console)
    with pytest.raises(StreamError, match=says):
        run_quality_benchmark(quality, console, chart=path)
    with pytest.raises(StreamError, match=says):
        run_quality_benchmark(quality, console, sheet=path)


@pytest.mark.parametrize("option", ["--json", "--sheet"])
def test_files_are_looked_at_before_rows_are_trained(tmp_path: Path, option: str) -> None:
    """Which takes hours; here it would say that there are no photographs."""
    arguments = ["--data", str(tmp_path), "--rows", str(tmp_path / "rows"), "--train"]
    file = str(tmp_path / "no" / "file.png")
    result = CliRunner().invoke(app, ["bench", "blur2blur", *arguments, option, file])
    assert "does not exist; make it first" in str(result.exception)


@pytest.mark.parametrize("name", ["front.svg", "front.PDF", "front.png"])
def test_charts_of_every_kind_that_is_named_are_taken(tmp_path: Path, name: str) -> None:
    draw_front([Choice("fast", 8, 0.4)], tmp_path / name)
    assert (tmp_path / name).stat().st_size > 0
    quality = QualityBenchmark(profiles=("no-such-profile",))
    with pytest.raises(Exception, match="no-such-profile"):
        run_quality_benchmark(quality, Console(), chart=tmp_path / name)
