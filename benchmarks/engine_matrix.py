"""`blur2blur bench engine --backend …`: engines by backend, precision, frame size and batch.

On a GPU the copies are told from the computation by the GPU's own clock (CUDA events), and a second
figure shows what two batches under way at once bring.
"""

import json
import statistics as st
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from engines.engine import Engine, EngineShape, OverlappingEngine, StageTimes
from engines.errors import EngineError
from engines.files import writable_problem, write_text_atomically
from engines.folders import engine_cache
from engines.profile import Profile, load_profile
from engines.selection import (
    BackendChoice,
    Candidate,
    Device,
    PrecisionChoice,
    build_engine,
    survey,
)
from engines.selfcheck import self_check
from stream.capture.source import Size
from stream.errors import StreamError
from stream.statistics import machine_facts, program_version

SIZES = (Size(640, 480), Size(1280, 720), Size(1920, 1080))
BATCHES = (1, 2, 4, 8, 16)
_WARM_UPS = 2
_LONGEST_CALL_S = 4.0
"""Batches that would take longer are left out: nobody runs them live."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class EngineMatrix:
    """What is measured.

    Attributes:
        device: engines of this one only.
        seconds: of each batch size of each engine, after the warm-up; five calls at least.
    """

    backend: BackendChoice = "auto"
    precision: PrecisionChoice = "auto"
    device: Device | None = None
    sizes: tuple[Size, ...] = SIZES
    batches: tuple[int, ...] = BATCHES
    seconds: float = 2.0


def measure_matrix(
    matrix: EngineMatrix,
    profile: Profile,
    *,
    cache: Path | None,
    say: Say,
    after: Callable[[dict[str, Any]], None] = lambda found: None,
) -> dict[str, Any]:
    """Every engine that is here; what fails to build or to pass its check says why.

    Args:
        after: takes what was found so far, after each engine.
    """
    here = survey(matrix.backend, matrix.precision)
    found: dict[str, Any] = {
        "engines": [],
        "not_here": [asdict(absence) for absence in here.absent],
    }
    for candidate in here.candidates:
        for size in matrix.sizes if matrix.device in (None, candidate.device) else ():
            row = _measure_engine(matrix, profile, candidate, size, cache, say)
            found["engines"].append(row)
            after(found)
    return found


def _measure_engine(
    matrix: EngineMatrix,
    profile: Profile,
    candidate: Candidate,
    size: Size,
    cache: Path | None,
    say: Say,
) -> dict[str, Any]:
    """One backend, precision and frame size at every batch that it can do in reasonable time."""
    say(f"{candidate}, {size}")
    row: dict[str, Any] = {
        "engine": str(candidate),
        "backend": candidate.backend,
        "precision": candidate.precision,
        "width": size.width,
        "height": size.height,
        "failure": None,
        "batches": [],
        "left_out": [],
    }

    def add(shape: EngineShape, batches: list[int]) -> None:
        start = time.monotonic()
        engine = build_engine(candidate, profile, shape, cache=cache, say=say)
        row["build_s"] = round(time.monotonic() - start, 1)
        row["device"] = engine.facts.device
        row["self_check_psnr_db"] = round(self_check(engine, profile, cache=cache, say=say), 2)
        row["batches"] += [_measure_batch(engine, batch, matrix.seconds) for batch in batches]

    try:
        add(EngineShape(height=size.height, width=size.width), [1])
        frame_s = row["batches"][0]["p50_ms"] / 1000
        larger = [b for b in matrix.batches if b > 1 and b * frame_s <= _LONGEST_CALL_S]
        row["left_out"] = [b for b in matrix.batches if b > 1 and b not in larger]
        if row["left_out"]:
            batches = ", ".join(map(str, row["left_out"]))
            say(
                f"{candidate}, {size}: left out: batches of {batches}, as one frame takes "
                f"{frame_s:.2f} s and a call is to take {_LONGEST_CALL_S:g} s at most"
            )
        if larger:
            add(EngineShape(height=size.height, width=size.width, max_batch=max(larger)), larger)
    except EngineError as error:
        row["failure"] = str(error)
        say(f"{candidate}, {size}: {error}")
    return row


def _measure_batch(engine: Engine, batch: int, seconds: float) -> dict[str, Any]:
    shape = engine.facts.shape
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (batch, shape.height, shape.width, 3), dtype=np.uint8)
    times_ms: list[float] = []
    stages: list[StageTimes] = []
    for _ in range(_WARM_UPS):
        engine(frames)
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times_ms) < 5:
        start_ns = time.perf_counter_ns()
        if isinstance(engine, OverlappingEngine):
            engine.collect(ticket := engine.submit(frames))
            if (times := engine.stage_times(ticket)) is not None:
                stages.append(times)
        else:
            engine(frames)
        times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    found = {
        "batch": batch,
        "calls": len(times_ms),
        "p50_ms": round(float(np.percentile(times_ms, 50)), 3),
        "p95_ms": round(float(np.percentile(times_ms, 95)), 3),
        "frames_per_s": round(1000 * batch * len(times_ms) / sum(times_ms), 1),
    }
    if stages:
        found |= {
            stage: round(st.median(getattr(times, stage) for times in stages), 3)
            for stage in ("upload_ms", "compute_ms", "download_ms")
        }
    if stages and isinstance(engine, OverlappingEngine):
        found["overlapped_frames_per_s"] = round(_overlapped_fps(engine, frames, seconds), 1)
    return found


def _overlapped_fps(engine: OverlappingEngine, frames: NDArray[np.uint8], seconds: float) -> float:
    """Frames a second where the next batch is handed in before the last one is taken."""
    count, start = 0, time.monotonic()
    ticket = engine.submit(frames)
    while time.monotonic() - start < seconds:
        following = engine.submit(frames)
        engine.collect(ticket)
        ticket = following
        count += len(frames)
    engine.collect(ticket)
    return (count + len(frames)) / (time.monotonic() - start)


def run_engine_matrix(
    matrix: EngineMatrix, profile: str, json_file: Path | None, console: Console
) -> int:
    """Measure, print a table, write JSON where asked; 1 where nothing could be measured.

    Raises:
        StreamError, ProfileError: the file cannot be written, or there is no such profile.
    """
    if json_file is not None and (problem := writable_problem(json_file)) is not None:
        raise StreamError(problem)

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    found = measure_matrix(matrix, load_profile(profile), cache=engine_cache(), say=say)
    for absence in found["not_here"]:
        say(f"{absence['engine']}: {absence['reason']}")
    console.print(matrix_table(found))
    if json_file is not None:
        result = {
            "benchmark": "engine matrix",
            "version": program_version(),
            "machine": machine_facts(),
            "profile": profile,
            **found,
        }
        write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
    return 0 if any(row["batches"] for row in found["engines"]) else 1


def matrix_table(result: dict[str, Any]) -> Table:
    """The figures as people read them."""
    table = Table()
    for heading in ("engine", "size", "batch", "ms p50", "p95", "up + compute + down", "frames/s"):
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    for row in result["engines"]:
        size = f"{row['width']}x{row['height']}"
        for found in row["batches"]:
            stages = [found.get(f"{stage}_ms") for stage in ("upload", "compute", "download")]
            table.add_row(
                row["engine"],
                size,
                str(found["batch"]),
                f"{found['p50_ms']:.1f}",
                f"{found['p95_ms']:.1f}",
                " + ".join(f"{ms:.2f}" for ms in stages if ms is not None),
                f"{found.get('overlapped_frames_per_s', found['frames_per_s']):.1f}",
            )
        if row["failure"]:
            table.add_row(row["engine"], size, "", "", "", row["failure"], "")
    return table
