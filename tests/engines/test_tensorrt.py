"""The TensorRT backend up to its border, with something in TensorRT's place behind it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engines import tensorrt
from engines.accelerators import NvidiaGPU, nvidia_driver
from engines.cache import folder_name, kept_engines
from engines.engine import EngineShape
from engines.errors import EngineError
from engines.profile import Profile, load_profile
from engines.selfcheck import fixed_frames
from engines.tensorrt import Levels, TensorRTEngine, bytes_of, engine_key, exported, timings
from engines.torch import fused_from_profile
from tests.engines.conftest import folder_of_no_root

GPU = NvidiaGPU(name="NVIDIA A", capability=(8, 9), cuda="13.0", memory_gib=24)
VERSIONS = {"torch": "2.13.0", "torch_tensorrt": "2.13.0", "tensorrt": "11.0"}
SHAPE = EngineShape(height=40, width=56, max_batch=3)


def test_every_ingredient_changes_the_key(balanced: Profile, made: Path) -> None:
    def key(**change: Any) -> str:
        given = {
            "profile": balanced,
            "shape": SHAPE,
            "precision": "bf16",
            "gpu": GPU,
            "versions": VERSIONS,
        }
        return folder_name(engine_key(**{**given, **change}))

    other_weights = Profile(balanced.folder, json.loads(json.dumps(balanced.card)))
    other_weights.card["sha256"]["weights.safetensors"] = "0" * 64
    other_graph = Profile(balanced.folder, json.loads(json.dumps(balanced.card)))
    other_graph.card["sha256"]["fused.onnx"] = "0" * 64
    changes: list[dict[str, Any]] = [
        {},
        {"profile": load_profile(str(made))},
        {"profile": other_weights},
        {"profile": other_graph},
        {"shape": replace(SHAPE, max_batch=4)},
        {"shape": replace(SHAPE, height=48)},
        {"shape": replace(SHAPE, width=64)},
        {"precision": "f16"},
        {"gpu": replace(GPU, name="NVIDIA B")},
        {"gpu": replace(GPU, capability=(9, 0))},
        *({"versions": {**VERSIONS, library: "other"}} for library in VERSIONS),
    ]
    names = [key(**change) for change in changes]
    assert len(set(names)) == len(names)
    assert key() == names[0]
    assert names[0].startswith("tensorrt-")


@pytest.mark.parametrize("max_batch", [1, 3])
def test_exported_graph_gives_what_the_fused_module_gives(
    balanced: Profile, tmp_path: Path, max_batch: int
) -> None:
    """Also after it was saved and loaded, for every batch that it is for."""
    fused = fused_from_profile(balanced)
    program = exported(Levels(fused), replace(SHAPE, max_batch=max_batch), torch.device("cpu"))
    torch.export.save(program, tmp_path / "engine.pt2")
    loaded = torch.export.load(tmp_path / "engine.pt2").module()
    frames = torch.from_numpy(np.concatenate([fixed_frames(40, 56), fixed_frames(40, 56)[:1]]))
    with torch.inference_mode():
        for batch in range(1, max_batch + 1):
            assert torch.equal(bytes_of(loaded)(frames[:batch]), fused(frames[:batch]))


@pytest.mark.skipif(nvidia_driver(), reason="there is a driver here")
def test_machine_without_a_driver_is_told_so(balanced: Profile) -> None:
    with pytest.raises(EngineError, match="no NVIDIA driver"):
        TensorRTEngine(balanced, SHAPE, "bf16")


def test_timings_take_the_place_of_those_before_once_a_build_is_done(
    quick: Profile, tmp_path: Path
) -> None:
    key = engine_key(quick, SHAPE, "f16", GPU, VERSIONS)
    with timings(tmp_path, key) as first:
        assert not first.exists()
        first.write_bytes(b"first")
        assert list(tmp_path.iterdir()) == [], "a build that is killed leaves no part"
    with pytest.raises(EngineError), timings(tmp_path, key) as second:
        assert second.read_bytes() == b"first"
        second.write_bytes(b"sec")
        raise EngineError("no implementation")
    other = engine_key(quick, replace(SHAPE, height=48), "f32", GPU, VERSIONS)
    with timings(tmp_path, other) as third:
        assert third.read_bytes() == b"first", "of another engine, on the same GPU"
    other = engine_key(quick, SHAPE, "f16", replace(GPU, name="NVIDIA B"), VERSIONS)
    with timings(tmp_path, other) as fourth:
        assert not fourth.exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_timings_that_cannot_be_kept_cost_nothing(quick: Profile) -> None:
    key = engine_key(quick, SHAPE, "f16", GPU, VERSIONS)
    with folder_of_no_root() as folder:
        folder.chmod(0o500)
        with timings(folder, key) as file:
            file.write_bytes(b"measured")
        assert list(folder.iterdir()) == []


class Library:
    """In TensorRT's place: it compiles nothing, and saves and loads as torch itself does."""

    def __init__(self) -> None:
        self.builds = 0
        self.dynamo = self
        self.breaks: str | None = None

    def Input(self, **said: Any) -> dict[str, Any]:  # noqa: N802
        return said

    def compile(self, program: Any, **said: Any) -> Any:
        self.builds += 1
        if self.breaks == "compile":
            raise ValueError("[TRT] Could not find any implementation for node")
        Path(said["timing_cache_path"]).write_bytes(b"measured")
        self.program = program
        return program.module()

    def save(self, module: Any, file: str, **said: Any) -> None:
        if self.breaks == "save":
            raise OSError(28, "No space left on device")
        torch.export.save(self.program, file)

    def load(self, file: str) -> Any:
        if self.breaks == "load":
            raise ValueError("The file doesn't correspond to a valid ExportedProgram")
        return torch.export.load(file)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """The backend with its library and GPU replaced, on the processor."""
    stand_in = Library()
    monkeypatch.setattr(tensorrt, "nvidia_gpu", lambda: GPU)
    monkeypatch.setattr(tensorrt, "load_library", lambda: stand_in)
    monkeypatch.setattr(tensorrt, "library_versions", lambda: VERSIONS)
    monkeypatch.setattr(tensorrt, "_device", lambda: torch.device("cpu"))
    yield stand_in


def test_engine_is_built_once_and_kept(balanced: Profile, tmp_path: Path, library: Library) -> None:
    said: list[str] = []
    frames = fixed_frames(40, 56)
    first = TensorRTEngine(balanced, SHAPE, "f32", cache=tmp_path, say=said.append)
    assert "building the TensorRT engine" in said[0]
    again = TensorRTEngine(balanced, SHAPE, "f32", cache=tmp_path, say=said.append)
    assert library.builds == 1
    assert len(said) == 1
    assert np.array_equal(again(frames), first(frames))
    (kept,) = kept_engines(tmp_path)
    assert kept.file.name == "engine.pt2"
    assert kept.card["key"]["device"] == "NVIDIA A"
    assert [file.read_bytes() for file in tmp_path.glob("timings-*.bin")] == [b"measured"]


def test_engine_that_does_not_load_is_built_again(
    balanced: Profile, tmp_path: Path, library: Library
) -> None:
    TensorRTEngine(balanced, SHAPE, "f32", cache=tmp_path)
    library.breaks = "load"
    said: list[str] = []
    TensorRTEngine(balanced, SHAPE, "f32", cache=tmp_path, say=said.append)
    assert library.builds == 2
    assert "building it again: The file doesn't correspond" in said[0]


def test_engine_that_cannot_be_kept_runs_all_the_same(
    balanced: Profile, tmp_path: Path, library: Library
) -> None:
    library.breaks = "save"
    said: list[str] = []
    engine = TensorRTEngine(balanced, SHAPE, "f32", cache=tmp_path, say=said.append)
    assert engine(fixed_frames(40, 56)).shape == (2, 40, 56, 3)
    assert "not kept" in said[-1]


def test_library_that_cannot_save_costs_a_line_only(
    balanced: Profile, tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*_: object, **__: object) -> None:
        raise ValueError("Saving nn.Module directly is not supported")

    monkeypatch.setattr(library, "save", save)
    said: list[str] = []
    TensorRTEngine(balanced, SHAPE, "f32", cache=tmp_path, say=said.append)
    assert "not kept: ValueError" in said[-1]
    assert kept_engines(tmp_path) == []


def test_compiler_that_fails_is_an_engine_error(
    balanced: Profile, tmp_path: Path, library: Library
) -> None:
    library.breaks = "compile"
    with pytest.raises(EngineError, match=r"TensorRT cannot compile this: .*any implementation"):
        TensorRTEngine(balanced, SHAPE, "f32", cache=tmp_path)
