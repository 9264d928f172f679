"""`blur2blur bench engine`: bare engine time, and how much of its rate the pipeline keeps."""

import json
import math
import statistics as st
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.runs import run_whole
from engines.engine import Engine
from engines.files import writable_problem, write_text_atomically
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import DEFAULT_PROFILE, load_profile
from engines.selection import PrecisionChoice
from stream.capture import open_source
from stream.capture.source import Size
from stream.deblurring import Deblurring
from stream.errors import StreamError
from stream.output import open_output
from stream.pipeline import Pipeline
from stream.statistics import machine_facts, program_version

_WARM_UP = 10
_FEWEST = 9


@dataclass(frozen=True, kw_only=True)
class EngineBenchmark:
    """What is measured, and how often."""

    size: Size = Size(640, 480)
    precision: PrecisionChoice = "auto"
    profile: str = DEFAULT_PROFILE
    rounds: int = 5
    frames: int = 200


def run_engine_benchmark(
    benchmark: EngineBenchmark, json_file: Path | None, console: Console
) -> int:
    """Measure, print a table, write JSON where asked; returns the exit status.

    Raises:
        StreamError, EngineError, ProfileError: nothing can be measured here.
    """
    if json_file is not None and (problem := writable_problem(json_file)) is not None:
        raise StreamError(problem)
    result = measure(benchmark, console)
    console.print(_table(result))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
    return 0


def measure(benchmark: EngineBenchmark, console: Console) -> dict[str, Any]:
    """All figures of one run. The three kinds take turns, so that a noisy machine harms all alike;
    ratios are taken within a round, and medians over the rounds."""
    size = benchmark.size
    profile = load_profile(benchmark.profile)
    pool = EnginePool(
        profile, precision=benchmark.precision, cache=engine_cache(), say=console.print
    )
    chosen = pool.engine_for(size.height, size.width)
    bare_ms: list[float] = []
    rounds: list[dict[str, float]] = []
    seconds = benchmark.frames / 30
    synthetic = f"synthetic:{size}@0?seconds={seconds:g}"
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(console=console, transient=True) as progress,
    ):
        clip = Path(folder) / "clip.mkv"
        _run_pipeline(synthetic, pool, mode="off", to=str(clip))
        task = progress.add_task("measuring", total=3 * benchmark.rounds)
        for _ in range(benchmark.rounds):
            times_ms = bare_times_ms(chosen.engine, benchmark.frames)
            progress.advance(task)
            over_synthetic = _run_pipeline(synthetic, pool)
            progress.advance(task)
            over_h264 = _run_pipeline(str(clip), pool)
            progress.advance(task)
            bare_fps = 1000 * len(times_ms) / sum(times_ms)
            bare_ms += times_ms
            rounds.append(
                {
                    "bare_fps": bare_fps,
                    "pipeline_synthetic_fps": over_synthetic,
                    "pipeline_h264_fps": over_h264,
                    "ratio_synthetic": over_synthetic / bare_fps,
                    "ratio_h264": over_h264 / bare_fps,
                }
            )
    return {
        "benchmark": "engine",
        "version": program_version(),
        "machine": machine_facts(),
        "engine": {
            "backend": chosen.engine.facts.backend,
            "device": chosen.engine.facts.device,
            "precision": chosen.engine.facts.precision,
            "profile": chosen.engine.facts.profile,
            "width": size.width,
            "height": size.height,
            "batch": 1,
            "self_check_psnr_db": round(chosen.self_check_psnr_db, 2),
        },
        "frames_per_round": benchmark.frames,
        "warm_up_frames": _WARM_UP,
        "bare_ms": {
            "p50": round(float(np.percentile(bare_ms, 50)), 3),
            "p95": round(float(np.percentile(bare_ms, 95)), 3),
            "p99": round(float(np.percentile(bare_ms, 99)), 3),
            "max": round(max(bare_ms), 3),
        },
        "median": {key: round(st.median(r[key] for r in rounds), 4) for key in rounds[0]},
        "rounds": [{key: round(value, 4) for key, value in r.items()} for r in rounds],
    }


def bare_times_ms(
    engine: Engine, count: int, batch: int = 1, within_s: float = math.inf
) -> list[float]:
    """Milliseconds of each call with so many frames, in a tight loop after a warm-up.

    Args:
        count: calls; no more than fit into ``within_s``, but some. So long a warm-up may be, too.
    """
    shape = engine.facts.shape
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (batch, shape.height, shape.width, 3), dtype=np.uint8)
    began = time.monotonic()
    for _ in range(_WARM_UP):
        engine(frames)
        if time.monotonic() - began > within_s:
            break
    times_ms: list[float] = []
    while len(times_ms) < count and (len(times_ms) < _FEWEST or sum(times_ms) < 1e3 * within_s):
        start_ns = time.perf_counter_ns()
        engine(frames)
        times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    return times_ms


def _run_pipeline(source: str, pool: EnginePool, *, mode: str = "on", to: str = "null") -> float:
    """Frames a second of the whole pipeline at its own speed."""
    deblurring = Deblurring(lambda: pool, "on" if mode == "on" else "off")
    pipeline = Pipeline([open_source(source)], [open_output(to)], deblurring)
    run_whole(pipeline)
    return pipeline.ledger.fps_output


def _table(result: dict[str, Any]) -> Table:
    engine, median, bare = result["engine"], result["median"], result["bare_ms"]
    title = (
        f"{engine['backend']} {engine['precision']}, {engine['width']}x{engine['height']}, batch 1"
    )
    table = Table(title=title)
    for heading in ("", "ms a frame", "frames/s", "of the bare rate"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("engine alone", f"{bare['p50']:.1f}", f"{median['bare_fps']:.1f}", "")
    for label, kind in (("pipeline, synthetic", "synthetic"), ("pipeline, H.264 file", "h264")):
        fps = median[f"pipeline_{kind}_fps"]
        ratio = f"{100 * median[f'ratio_{kind}']:.1f} %"
        table.add_row(label, f"{1000 / fps:.1f}", f"{fps:.1f}", ratio)
    return table
