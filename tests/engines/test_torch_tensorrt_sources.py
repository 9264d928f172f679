"""What the TensorRT backend says to torch-tensorrt, against the sources of the paired version.

They are read of its wheel: set BLUR2BLUR_TORCH_TENSORRT_WHEEL to the file
(`pip download --no-deps torch-tensorrt==2.13.*`; it is not installed).
"""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT

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


@pytest.mark.long
def test_every_operator_has_a_converter(sources: Path) -> None:
    """The real lowering and registry, in a process of its own; what that shows is said there."""
    script = Path(__file__).with_name("convertibility.py")
    networks = ["balanced:1", "quality:4"]  # the operators of fast and plain are among theirs
    networks += ["nafnet16:4", "mimo-unet:4"]
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
