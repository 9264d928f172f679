import json
from pathlib import Path

from benchmarks.engine_matrix import EngineMatrix, measure_matrix
from engines.profile import Profile
from stream.capture.source import Size
from tests.conftest import blur2blur


def test_figures_of_a_small_run(tmp_path: Path) -> None:
    file = tmp_path / "engine.json"
    result = blur2blur(
        "bench", "engine", "--json", file, "--size", "160x96", "--rounds", "2", "--frames", "30"
    )
    assert result.returncode == 0, result.stderr
    figures = json.loads(file.read_text())
    assert figures["engine"]["width"] == 160
    assert len(figures["rounds"]) == 2
    assert 0 < figures["bare_ms"]["p50"] <= figures["bare_ms"]["p95"] <= figures["bare_ms"]["max"]
    for kind in ("synthetic", "h264"):
        assert figures["median"][f"ratio_{kind}"] > 0
    assert figures["machine"]["cores"] >= 1


def test_folder_that_is_missing_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    result = blur2blur("bench", "engine", "--json", tmp_path / "no" / "e.json")
    assert result.returncode == 1
    assert "make it first" in " ".join(result.stderr.split())


def test_batches_that_would_take_long_are_left_out_in_so_many_words(
    quick: Profile, tmp_path: Path
) -> None:
    matrix = EngineMatrix(
        backend="openvino",
        precision="f32",
        sizes=(Size(64, 64),),
        batches=(1, 2, 1_000_000),
        seconds=0.01,
    )
    lines: list[str] = []
    (row,) = measure_matrix(matrix, quick, cache=tmp_path, say=lines.append)["engines"]
    assert [found["batch"] for found in row["batches"]] == [1, 2]
    assert row["left_out"] == [1_000_000]
    assert any("64x64: left out: batches of 1000000" in line for line in lines)
