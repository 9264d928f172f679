"""The TensorRT backend up to its border: no GPU and no TensorRT are needed, and none is imitated.

The checks against torch-tensorrt's own sources need its wheel: set BLUR2BLUR_TORCH_TENSORRT_WHEEL
to the file (`pip download --no-deps torch-tensorrt==2.13.*`; it is not installed).
"""

import ast
import json
import os
import subprocess
import sys
import zipfile
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
from engines.tensorrt import Levels, TensorRTEngine, bytes_of, engine_key, exported
from engines.torch import fused_from_profile
from tests.conftest import ROOT

GPU = NvidiaGPU(name="NVIDIA A", capability=(8, 9), cuda="13.0", memory_gib=24)
VERSIONS = {"torch": "2.13.0", "torch_tensorrt": "2.13.0", "tensorrt": "11.0"}
SHAPE = EngineShape(height=40, width=56, max_batch=3)
WHEEL = os.environ.get("BLUR2BLUR_TORCH_TENSORRT_WHEEL", "")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torch-tensorrt's wheel, unpacked without its compiled libraries."""
    if not Path(WHEEL).is_file():
        pytest.skip("set BLUR2BLUR_TORCH_TENSORRT_WHEEL to torch-tensorrt's wheel")
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(WHEEL) as wheel:
        wheel.extractall(folder, [name for name in wheel.namelist() if ".so" not in name])
    return folder


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


# Against the sources of the paired version


def calls_of(name: str) -> list[ast.Call]:
    """Where engines/tensorrt.py calls ``library.… .name``."""
    tree = ast.parse((ROOT / "engines" / "tensorrt.py").read_text())
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and ast.unparse(node.func).startswith("library.")
    ]


def signature(file: Path, name: str) -> ast.arguments:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node.args
    raise AssertionError(f"{file} has no {name}")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("compile", "torch_tensorrt/dynamo/_compiler.py"),
        ("save", "torch_tensorrt/_compile.py"),
        ("load", "torch_tensorrt/_compile.py"),
    ],
)
def test_keywords_are_those_of_the_paired_version(sources: Path, name: str, file: str) -> None:
    arguments = signature(sources / file, name)
    known = {argument.arg for argument in [*arguments.args, *arguments.kwonlyargs]}
    calls = calls_of(name)
    assert calls, f"the backend calls {name}"
    for call in calls:
        assert {keyword.arg for keyword in call.keywords} <= known
        assert len(call.args) <= len(arguments.args)


def test_input_takes_what_we_say_of_it(sources: Path) -> None:
    """Its constructor takes anything and looks for names."""
    text = (sources / "torch_tensorrt" / "_Input.py").read_text()
    calls = calls_of("Input")
    assert len(calls) == 2
    for keyword in {keyword.arg for call in calls for keyword in call.keywords}:
        assert (
            f'"{keyword}" in kwargs' in text
            or f'"{keyword}",' in text
            or (f'kwargs["{keyword}"]' in text)
        )


def test_versions_are_a_pair(sources: Path) -> None:
    (metadata,) = sources.glob("torch_tensorrt-*.dist-info/METADATA")
    version = next(
        line.partition(": ")[2]
        for line in metadata.read_text().splitlines()
        if line.startswith("Version: ")
    )
    assert version.split(".")[:2] == torch.__version__.split(".")[:2]


def test_library_without_its_libraries_is_an_engine_error(sources: Path) -> None:
    """The real package, as pip leaves it where TensorRT is missing."""
    program = """
from engines.errors import EngineError
from engines.tensorrt import load_library
try:
    load_library()
except EngineError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{sources}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "torch-tensorrt does not load" in result.stdout


def test_every_operator_has_a_converter(sources: Path) -> None:
    """The real lowering and registry, in a process of its own; what that shows is said there."""
    script = Path(__file__).with_name("convertibility.py")
    networks = ["fast:1", "fast:4", "balanced:1", "balanced:4", "nafnet16:4", "mimo-unet:4"]
    result = subprocess.run(
        [sys.executable, str(script), str(sources), *networks],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert [f"{row['network']}:{row['max_batch']}" for row in found] == networks
    for row in found:
        assert row["without_converter"] == {}, row
        assert row["convolutions"] >= 15, "the whole network was looked at"
