"""`blur2blur bench latency`: how old is the picture, at every load that a camera can bring.

What the loads are and how ages are taken: ``benchmarks.latency_loads``.
"""

import json
import statistics as st
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.engine import bare_times_ms
from benchmarks.figure_files import problem_of, write_figures
from benchmarks.latency_loads import CAMERAS, VGA, run_scenario, scenarios
from benchmarks.latency_peers import CAN_STOP_PROCESSES
from engines.files import write_atomically
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import DEFAULT_PROFILE, load_profile
from stream.capture.source import Size
from stream.errors import StreamError
from stream.statistics import machine_facts, program_version

_TIMED_FRAMES = 60
_TIMED_S = 3.0
_TOLERANCE = 1.5


@dataclass(frozen=True, kw_only=True)
class LatencyBenchmark:
    """What is measured, with frames of which size, and for how long each scenario runs."""

    seconds: float = 10.0
    size: Size = VGA
    profile: str = DEFAULT_PROFILE


def run_latency_benchmark(
    benchmark: LatencyBenchmark,
    *,
    json_file: Path | None,
    chart: Path | None,
    check: Path | None,
    console: Console,
) -> int:
    """Measure, print a table, write what was asked for; returns the exit status.

    Raises:
        StreamError, EngineError, ProfileError: nothing can be measured here.
    """
    if (problem := problem_of(json_file, chart)) is not None:
        raise StreamError(problem)
    stored = None if check is None else _read(check, benchmark.size)
    result = measure(benchmark, console)
    console.print(_table(result))
    if json_file is not None:
        write_figures(json_file, result, markdown(result))
    if chart is not None:
        draw(result, chart)
    if stored is None:
        return 0
    worse = compare(result, stored)
    for line in worse:
        console.print(line, markup=False, highlight=False)
    return 1 if worse else 0


def measure(benchmark: LatencyBenchmark, console: Console) -> dict[str, Any]:
    """All scenarios in one run."""
    profile = load_profile(benchmark.profile)
    pool = EnginePool(profile, max_batch=CAMERAS, cache=engine_cache(), say=console.print)
    engine = pool.engine_for(benchmark.size.height, benchmark.size.width).engine
    engine_ms, batch_ms = (
        st.median(bare_times_ms(engine, _TIMED_FRAMES, batch, within_s=_TIMED_S))
        for batch in (1, CAMERAS)
    )
    rows = []
    loads = scenarios(engine_ms, benchmark.seconds, benchmark.size)
    if not CAN_STOP_PROCESSES:
        loads = [load for load in loads if load.subscriber != "stopped"]
        console.print("left out: stopped-subscriber, as this system stops no processes")
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=len(loads))
        for scenario in loads:
            rows.append(run_scenario(scenario, pool, benchmark.seconds))
            progress.advance(task)
    return {
        "benchmark": "latency",
        "version": program_version(),
        "machine": machine_facts(),
        "engine": {
            "backend": engine.facts.backend,
            "precision": engine.facts.precision,
            "profile": engine.facts.profile,
            "bare_ms": round(engine_ms, 3),
            "bare_batch_of_four_ms": round(batch_ms, 3),
        },
        "size": str(benchmark.size),
        "seconds": benchmark.seconds,
        "scenarios": rows,
    }


def compare(result: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """Where this run's ages are worse than a stored run's, each in units of its bare engine."""
    before = {row["name"]: row for row in stored["scenarios"]}
    lines = []
    for row in result["scenarios"]:
        if row["name"] not in before:
            continue
        now, then = (
            r["latency_ms"]["age"]["p95"] / whole["engine"]["bare_ms"]
            for r, whole in ((row, result), (before[row["name"]], stored))
        )
        if now > _TOLERANCE * then:
            lines.append(
                f"{row['name']}: age p95 is {now:.2f} engine times, {now / then:.2f} times that of "
                f"the stored run ({then:.2f})"
            )
    return lines


def draw(result: dict[str, Any], path: Path) -> None:
    """Ages of each scenario as bars, p50 to max."""
    from matplotlib.figure import Figure  # takes a second to load

    rows = result["scenarios"]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        age = row["latency_ms"]["age"]
        axes.plot([age["p50"], age["max"]], [place, place], color="C0", alpha=0.4)
        for key, marker in (("p50", "o"), ("p95", "s"), ("p99", "d"), ("max", "|")):
            label = key if place == 0 else None
            axes.plot(age[key], place, marker, color="C0", label=label)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="age at hand-over, ms")
    axes.grid(alpha=0.3)
    axes.legend()
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))


def markdown(result: dict[str, Any]) -> str:
    """The table for a report."""
    engine = result["engine"]
    lines = [
        f"Bare engine {engine['bare_ms']:.1f} ms, a batch of four "
        f"{engine['bare_batch_of_four_ms']:.1f} ms ({engine['backend']} {engine['precision']}, "
        f"profile {engine['profile']}), {result['size']}, {result['machine']['processor']}, "
        f"{result['machine']['cores']} cores.",
        "",
        "| scenario | captured | output | dropped | age p50 | p95 | p99 | max ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["scenarios"]:
        age = row["latency_ms"]["age"]
        dropped = sum(row["frames_dropped"].values())
        lines.append(
            f"| {row['name']}: {row['about']} | {row['frames_captured']} | {row['frames_output']} "
            f"| {dropped} | {age['p50']:.1f} | {age['p95']:.1f} | {age['p99']:.1f} "
            f"| {age['max']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _read(path: Path, size: Size) -> dict[str, Any]:
    """Raises StreamError where it is no stored run, or lacks what it would be compared by."""
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if stored["benchmark"] != "latency":
            raise ValueError(f"it is of bench {stored['benchmark']}")
        compare(stored, stored)
    except (OSError, ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise StreamError(
            f"{path} is no stored run of bench latency, or not all of one "
            f"({type(error).__name__}: {error}); `bench latency --json FILE` writes one"
        ) from None
    if (then := stored.get("size", str(VGA))) != str(size):
        raise StreamError(f"{path} was measured with frames of {then}; say --size {then}")
    return stored


def _table(result: dict[str, Any]) -> Table:
    table = Table(title="age of the picture at hand-over, ms")
    for heading in ("", "frames/s", "dropped", "p50", "p95", "p99", "max", "by pixels p95"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in result["scenarios"]:
        age, seen = row["latency_ms"]["age"], row["glass_to_glass_ms"]
        table.add_row(
            row["name"],
            f"{row['fps_output']:.1f}",
            str(sum(row["frames_dropped"].values())),
            *(f"{age[key]:.1f}" for key in ("p50", "p95", "p99", "max")),
            "" if seen is None else f"{seen['p95']:.1f}",
        )
    return table
