"""`engine …`, `bench engine --backend …`, `doctor --gpu-report`: as a user runs them."""

import json
from pathlib import Path

import pytest

from engines.accelerators import nvidia_driver
from tests.conftest import blur2blur


def test_built_engine_is_listed_used_and_removed(tmp_path: Path) -> None:
    folders = {"XDG_CACHE_HOME": str(tmp_path), "COLUMNS": "200"}
    built = blur2blur(
        "engine", "build", "--size", "160x96", "--backend", "openvino", "--precision", "f32",
        **folders,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert "dB from fp32, ready in" in built.stderr
    listed = blur2blur("engine", "list", **folders)
    assert "160x96, batch 1" in listed.stdout
    names = [line.split()[1] for line in listed.stdout.splitlines() if "openvino-" in line]
    assert len(names) == 1
    assert blur2blur("engine", "remove", "openvino-zz", **folders).returncode == 1
    assert blur2blur("engine", "remove", names[0], **folders).returncode == 0
    assert "0 kept" in blur2blur("engine", "list", **folders).stderr
    assert list((tmp_path / "blur2blur" / "engines").iterdir()), "the reference is still there"
    assert blur2blur("engine", "remove", "--all", **folders).returncode == 0
    assert list((tmp_path / "blur2blur" / "engines").iterdir()) == []


def test_a_list_on_a_narrow_terminal_cuts_nothing_off(tmp_path: Path) -> None:
    folder = tmp_path / "blur2blur" / "engines" / f"tensorrt-{32 * 'a'}"
    folder.mkdir(parents=True)
    key = {
        "backend": "tensorrt", "profile": "S:x:", "width": 640, "height": 480, "batch": 4,
        "precision": "f16", "device": "NVIDIA GeForce RTX 4070 Laptop GPU",
        "version": {"torch": "2.13.0+cu130", "torch_tensorrt": "2.13.0", "tensorrt": "10.16.1.11"},
    }  # fmt: skip
    card = {"key": key, "bytes": 12_300_000, "built": "2026-11-30T11:22:02Z", "build_s": 240.5}
    (folder / "card.json").write_text(json.dumps(card))
    listed = blur2blur("engine", "list", XDG_CACHE_HOME=str(tmp_path), COLUMNS="80").stdout
    assert max(map(len, listed.splitlines())) <= 80
    cells = [line.split("│")[1:-1] for line in listed.splitlines() if line.startswith("│")]
    engine, what, where, megabytes, built = (
        "".join(map(str.strip, c)) for c in zip(*cells, strict=True)
    )
    assert (engine, megabytes) == ("tensorrt-aaaaaaaaaaa", "12.3")
    assert what.replace(" ", "") == "S:x:,640x480,batch4,f16", "no emoji, either"
    assert "RTX4070LaptopGPU,torch2.13.0+cu130,torch_tensorrt2.13.0,tensorrt10.16.1.11" in (
        where.replace(" ", "")
    )
    assert built.replace(" ", "") == "2026-11-30in240.5s"


def test_engine_that_is_not_here_is_refused_with_the_reason() -> None:
    if nvidia_driver():
        pytest.skip("there is a driver here")
    result = blur2blur("engine", "build", "--backend", "tensorrt")
    assert result.returncode == 1
    assert "no NVIDIA driver" in " ".join(result.stderr.split())
    for named in ([], ["openvino-zz", "--all"]):
        assert blur2blur("engine", "remove", *named).returncode == 2


@pytest.mark.long
def test_matrix_has_a_row_for_every_engine_size_and_batch(tmp_path: Path) -> None:
    file = tmp_path / "matrix.json"
    result = blur2blur(
        "bench", "engine", "--backend", "openvino", "--precision", "f32", "--model", "fast",
        "--sizes", "64x48,96x64", "--batches", "1,2", "--json", file,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    rows = json.loads(file.read_text())["engines"]
    rows = [row for row in rows if row["engine"] == "openvino f32"]
    assert [(row["width"], row["height"]) for row in rows] == [(64, 48), (96, 64)]
    for row in rows:
        assert row["failure"] is None
        assert row["self_check_psnr_db"] >= 40
        assert [found["batch"] for found in row["batches"]] == [1, 2]
        for found in row["batches"]:
            assert 0 < found["p50_ms"] <= found["p95_ms"]
            rate = 1000 * found["batch"] / found["p50_ms"]
            assert found["frames_per_s"] == pytest.approx(rate, rel=0.9)


@pytest.mark.parametrize("batches", ["", "0", "1,x"])
def test_batches_that_are_none_are_refused(batches: str) -> None:
    result = blur2blur("bench", "engine", "--backend", "each", "--batches", batches)
    assert result.returncode == 2


def test_report_says_why_there_is_nothing_to_report(tmp_path: Path) -> None:
    if nvidia_driver():
        pytest.skip("there is a driver here")
    file = tmp_path / "gpu.json"
    result = blur2blur("doctor", "--gpu-report", file)
    assert result.returncode == 1
    report = json.loads(file.read_text())
    assert report["gpu"] is None
    assert "no NVIDIA driver" in report["why_not"]
    assert report["packages"]["openvino"]
    missing = blur2blur("doctor", "--gpu-report", tmp_path / "no" / "gpu.json")
    assert "does not exist" in " ".join(missing.stderr.split())
