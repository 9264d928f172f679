"""`blur2blur bench latency`: how old is the picture, at every load that a camera can bring.

Open loop: the source keeps its own clock and does not wait for anybody, so a stall shows in the
figures instead of hiding in them. Beside the stamps that travel with a frame, the age is also taken
from the frame's number in the pixels that come out, and the source's clock: software glass to
glass, which cannot lie about which picture was shown. It does not include a sensor and a display.
"""

import json
import statistics as st
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.engine import bare_times_ms
from benchmarks.publish_peers import rss_mib
from engines.files import folder_problem, write_atomically, write_text_atomically
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import DEFAULT_PROFILE, load_profile
from stream.capture import Source, open_source
from stream.capture.synthetic import read_number
from stream.deblurring import Deblurring
from stream.errors import StreamError
from stream.frame import ProcessedFrame
from stream.output import Output, open_output
from stream.output.null import Null
from stream.output.publisher import Publisher
from stream.pipeline import Pipeline
from stream.statistics import machine_facts, program_version
from stream.subscription import Subscription

_SIZE = "640x480"
_TIMED_FRAMES = 60
_CAMERA_FPS = 30
_SLOW_WORK_S = 0.06
_MIN_FPS, _MAX_FPS = 2, 200
_TOLERANCE = 1.5


@dataclass(frozen=True, kw_only=True)
class LatencyBenchmark:
    """What is measured, and for how long each scenario runs."""

    seconds: float = 10.0
    profile: str = DEFAULT_PROFILE


@dataclass(frozen=True)
class Scenario:
    """One load: its sources, and what else goes on meanwhile."""

    name: str
    about: str
    sources: tuple[str, ...]
    slow_subscriber: bool = False
    reconnect: bool = False


def scenarios(engine_ms: float, seconds: float) -> list[Scenario]:
    """The loads, set by what the bare engine can do here."""
    capacity = 1000 / engine_ms

    def camera(fps: float, options: str = "") -> str:
        rate = min(max(round(fps), _MIN_FPS), _MAX_FPS)
        return f"synthetic:{_SIZE}@{rate}?seconds={seconds:g}{options}"

    stall = f"&stall={seconds / 3:g}+2"
    return [
        Scenario("under", "half of what the engine can do", (camera(capacity / 2),)),
        Scenario("at", "as much as the engine can do", (camera(capacity),)),
        Scenario("over", "twice as much", (camera(2 * capacity),)),
        Scenario("stall", "a camera that gives nothing for 2 s", (camera(capacity / 2, stall),)),
        Scenario(
            "slow-subscriber",
            "a subscriber that works 60 ms on each frame",
            (camera(min(_CAMERA_FPS, capacity / 2)),),
            slow_subscriber=True,
        ),
        Scenario("reconnect", "a publisher that goes for 2 s and returns", (), reconnect=True),
        Scenario("four", "four cameras at 30 frames a second", (camera(_CAMERA_FPS),) * 4),
    ]


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
    for file in (json_file, chart):
        if file is not None and (problem := folder_problem(file)) is not None:
            raise StreamError(problem)
    stored = None if check is None else _read(check)
    result = measure(benchmark, console)
    console.print(_table(result))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
        write_text_atomically(json_file.with_suffix(".md"), markdown(result))
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
    pool = EnginePool(profile, max_batch=4, cache=engine_cache(), say=console.print)
    engine = pool.engine_for(480, 640).engine
    engine_ms = st.median(bare_times_ms(engine, _TIMED_FRAMES))
    rows = []
    loads = scenarios(engine_ms, benchmark.seconds)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=len(loads))
        for scenario in loads:
            rows.append(_run(scenario, pool, benchmark.seconds))
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
        },
        "seconds": benchmark.seconds,
        "scenarios": rows,
    }


@dataclass
class _Probe(Null):
    """Reads the number out of each picture that comes out, and the time."""

    seen: list[tuple[str, int, int, int]] = field(default_factory=list)

    def write(self, frame: ProcessedFrame) -> None:
        handed_ns = time.perf_counter_ns()
        captured = frame.captured
        number = read_number(frame.pixels)
        self.seen.append((captured.source, number, captured.captured_ns, handed_ns))


def _run(scenario: Scenario, pool: EnginePool, seconds: float) -> dict[str, Any]:
    probe = _Probe()
    outputs: list[Output] = [probe]
    helper: _SlowSubscriber | _ComingAndGoing | None = None
    sources: list[Source] = [open_source(uri) for uri in scenario.sources]
    if scenario.slow_subscriber:
        publisher = open_output("zmq+tcp://127.0.0.1:*")
        assert isinstance(publisher, Publisher)
        outputs.append(publisher)
        helper = _SlowSubscriber(publisher.address)
    elif scenario.reconnect:
        helper = _ComingAndGoing(seconds)
        sources = [open_source(f"zmq+{helper.address}")]
    for number, source in enumerate(sources):
        source.name = f"camera-{number}"
    memory = rss_mib()
    pipeline = Pipeline(sources, outputs, Deblurring(lambda: pool, "on"), seconds=seconds)
    pipeline.start()
    while pipeline.step_main_thread(0.05):
        pass
    pipeline.close()
    row = _figures(scenario, pipeline, probe)
    row["rss_growth_mib"] = round(rss_mib() - memory, 2)
    if helper is not None:
        row.update(helper.finish(probe))
    if pipeline.problems and not scenario.reconnect:
        raise StreamError("; ".join(pipeline.problems))
    return row


def _figures(scenario: Scenario, pipeline: Pipeline, probe: _Probe) -> dict[str, Any]:
    ledger = pipeline.ledger
    return {
        "name": scenario.name,
        "about": scenario.about,
        "sources": list(scenario.sources),
        "frames_captured": ledger.captured,
        "frames_output": ledger.output,
        "frames_dropped": dict(ledger.dropped),
        "frames_by_source": {name: one.output for name, one in pipeline.ledgers.items()},
        "fps_output": round(ledger.fps_output, 2),
        "latency_ms": {
            stage: {**percentiles, "count": ledger.output}
            for stage, percentiles in ledger.latency_ms().items()
        },
        "glass_to_glass_ms": _glass_to_glass(scenario, probe),
    }


def _glass_to_glass(scenario: Scenario, probe: _Probe) -> dict[str, float] | None:
    """Ages by the numbers in the pixels and the sources' own clocks."""
    if not scenario.sources:
        return None
    fps = float(scenario.sources[0].partition("@")[2].partition("?")[0])
    ages_ms: list[float] = []
    clocks: dict[str, int] = {}
    for source, number, captured_ns, handed_ns in probe.seen:
        began_ns = clocks.setdefault(source, captured_ns - round(number / fps * 1e9))
        ages_ms.append((handed_ns - began_ns) / 1e6 - number / fps * 1000)
    return percentiles(ages_ms)


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95, p99, the largest and the count."""
    if not values:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0, "count": 0}
    p50, p95, p99 = (round(float(np.percentile(values, q)), 3) for q in (50, 95, 99))
    return {"p50": p50, "p95": p95, "p99": p99, "max": round(max(values), 3), "count": len(values)}


class _SlowSubscriber:
    """Takes frames in a thread and works on each for a while."""

    def __init__(self, address: str) -> None:
        self._subscription = Subscription(address)
        self._ages_ms: list[float] = []
        self._thread = Thread(target=self._work, name="slow subscriber", daemon=True)
        self._thread.start()

    def finish(self, _: _Probe) -> dict[str, Any]:
        self._subscription.close()
        self._thread.join()
        return {"subscriber_age_ms": percentiles(self._ages_ms)}

    def _work(self) -> None:
        for frame in self._subscription:
            self._ages_ms.append(frame.age_ms())
            time.sleep(_SLOW_WORK_S)


class _ComingAndGoing:
    """A publisher of synthetic frames that closes its socket for 2 s in the middle."""

    def __init__(self, seconds: float) -> None:
        publisher = Publisher("zmq+tcp://127.0.0.1:*")
        self.address = publisher.address
        self._gone_at, self._back_at = seconds / 3, seconds / 3 + 2
        self._returned_ns = 0
        self._stop = Event()
        self._thread = Thread(target=self._publish, args=(publisher,), daemon=True)
        self._thread.start()

    def finish(self, probe: _Probe) -> dict[str, Any]:
        self._stop.set()
        self._thread.join()
        after = [handed for _, _, _, handed in probe.seen if handed > self._returned_ns > 0]
        back_ms = (after[0] - self._returned_ns) / 1e6 if after else None
        return {"back_after_ms": None if back_ms is None else round(back_ms, 1)}

    def _publish(self, first: Publisher) -> None:
        publisher: Publisher | None = first
        pictures = open_source(f"synthetic:{_SIZE}@{_CAMERA_FPS}").open().pictures()
        begin = time.monotonic()
        for number, picture in enumerate(pictures):
            now = time.monotonic() - begin
            if self._stop.is_set():
                break
            if self._gone_at <= now < self._back_at:
                if publisher is not None:
                    publisher.close()
                    publisher = None
                continue
            if publisher is None:
                publisher = Publisher(f"zmq+{self.address}")
                self._returned_ns = time.perf_counter_ns()
            publisher.publish(picture.pixels, source="camera", sequence=number, pts_s=picture.pts_s)
        if publisher is not None:
            publisher.close()


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
        f"Bare engine {engine['bare_ms']:.1f} ms ({engine['backend']} {engine['precision']}, "
        f"profile {engine['profile']}), 640x480, {result['machine']['processor']}, "
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


def _read(path: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StreamError(f"{path} is no stored run of bench latency: {error}") from None
    if stored.get("benchmark") != "latency":
        raise StreamError(f"{path} is no stored run of bench latency")
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
