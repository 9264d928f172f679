"""`blur2blur doctor --gpu-report FILE`: everything that tells how the NVIDIA path does here.

For the people who have a GPU to tell those who make this program, which had none: one file without
a picture, a path or a name in it.
"""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.engine_matrix import EngineMatrix, matrix_table, measure_matrix
from engines.accelerators import nvidia_gpu
from engines.errors import EngineError
from engines.files import writable_problem, write_text_atomically
from engines.folders import engine_cache
from engines.profile import DEFAULT_PROFILE, load_profile
from stream.errors import StreamError
from stream.statistics import machine_facts, program_version

_PACKAGES = ("torch", "torch-tensorrt", "tensorrt", "triton", "openvino", "numpy")
_SMI = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,pstate", "--format=csv"]


def write_gpu_report(file: Path, matrix: EngineMatrix, console: Console) -> int:
    """Build, check and time every engine for the GPU; 1 where none passed its self-check.

    Raises:
        StreamError: the file cannot be written.
    """
    if (problem := writable_problem(file)) is not None:
        raise StreamError(problem)

    lines: list[str] = []
    report: dict[str, Any] = {
        "report": "gpu",
        "version": program_version(),
        "machine": machine_facts(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "nvidia_smi": _nvidia_smi(),
    }

    def say(line: str) -> None:
        lines.append(line)
        console.print(line, markup=False, highlight=False)

    def write(found: dict[str, Any]) -> None:
        """After each engine: one that ends the process loses nothing that was found before."""
        report.update(found, said=lines)
        home = json.dumps(str(Path.home()))[1:-1]  # in what compilers say, and why imports fail
        write_text_atomically(file, json.dumps(report, indent=2).replace(home, "~") + "\n")

    try:
        report["gpu"] = str(nvidia_gpu())
    except EngineError as error:
        say(f"no engine for a GPU can be tried here: {error}")
        write({"gpu": None, "why_not": str(error), "engines": [], "not_here": []})
    else:
        profile = load_profile(DEFAULT_PROFILE)
        found = measure_matrix(matrix, profile, cache=engine_cache(), say=say, after=write)
        write(found)
        console.print(matrix_table(found))
    console.print(
        f"{file}: please attach it to an issue of this project", markup=False, highlight=False
    )
    return 0 if any("self_check_psnr_db" in row for row in report["engines"]) else 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _nvidia_smi() -> str:
    """What the driver's own tool says of the GPUs."""
    try:
        result = subprocess.run(_SMI, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{sys.platform}: {error}"
    return (result.stdout or result.stderr).strip()
