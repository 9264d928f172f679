"""`blur2blur bench publish`: a slow and a fast subscriber, ours beside imagezmq's and NetGear's.

Every publisher sends the same frames on the same clock, one after the other, in processes of their
own. REQ/REP blocks its sender; the camera's frames that come due meanwhile are dropped, as a camera
would, so that its frames are fresh when they are sent.
"""

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.publish_peers import FPS, OURS, OURS_IPC, PEERS
from engines.files import writable_problem, write_text_atomically
from stream.errors import StreamError
from stream.statistics import machine_facts, program_version

_STARTUP_S = 6.0
_PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class PublishBenchmark:
    """What is measured: how long a run takes, and how long the slow one works on a frame."""

    seconds: float = 20.0
    work_ms: float = 60.0


def run_publish_benchmark(
    benchmark: PublishBenchmark, json_file: Path | None, console: Console
) -> int:
    """Measure, print a table, write JSON where asked; returns the exit status.

    Raises:
        StreamError: the file cannot be written, or a peer is missing.
    """
    if json_file is not None and (problem := writable_problem(json_file)) is not None:
        raise StreamError(problem)
    missing = [name for name in ("imagezmq", "vidgear") if find_spec(name) is None]
    if missing:
        raise StreamError(
            f"the peers are not installed: {' and '.join(missing)}; "
            "pip install 'blur2blur-live[bench]'"
        )
    result = measure(benchmark, console)
    for kind in ("slow_subscriber", "fast_subscriber"):
        console.print(_table(kind, result[kind]))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
    return 0


def measure(benchmark: PublishBenchmark, console: Console) -> dict[str, Any]:
    """All figures of one run."""
    fast_peers = (*PEERS, OURS_IPC)
    result: dict[str, Any] = {
        "benchmark": "publish",
        "version": program_version(),
        "machine": machine_facts(),
        "frames": f"1280x720 RGB, raw, {FPS} frames/s",
        "seconds": benchmark.seconds,
        "work_ms": benchmark.work_ms,
        "slow_subscriber": [],
        "fast_subscriber": [],
    }
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("publishing", total=len(PEERS) + len(fast_peers))
        for peer in PEERS:
            row = run_peer(peer, benchmark.seconds, benchmark.work_ms)
            result["slow_subscriber"].append(row)
            progress.advance(task)
        for peer in fast_peers:
            result["fast_subscriber"].append(run_peer(peer, benchmark.seconds, 0.0))
            progress.advance(task)
    return result


def run_peer(peer: str, seconds: float, work_ms: float) -> dict[str, Any]:
    """One publisher and one subscriber, the receiving side first."""
    port = _free_port()
    receiver = _start("receive", peer, port, seconds, work_ms)
    sender = _start("send", peer, port, seconds + _STARTUP_S, 0.0)
    try:
        received, errors = receiver.communicate(timeout=seconds + _STARTUP_S + _PATIENCE_S)
        sender.terminate()  # which then tells what it sent
        sent, _ = sender.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise StreamError(f"{peer}: nothing came through; is another program using it?") from None
    finally:
        for process in (receiver, sender):
            process.kill()
            process.wait()
    if receiver.returncode != 0:
        raise StreamError(f"{peer} failed: {errors.strip().splitlines()[-1:]}")
    figures = json.loads(received.strip().splitlines()[-1])
    told = sent.strip().splitlines()  # on Windows it is ended before it can tell
    return {"name": peer, **figures, "sender": json.loads(told[-1]) if told else None}


def _start(role: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.publish_peers", role, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _table(kind: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{kind.replace('_', ' ')}: age of a frame when the work on it begins")
    for heading in ("", "p50 ms", "p95 ms", "last ms", "memory MiB", "received", "corrupt"):
        table.add_column(heading, justify="left" if not heading else "right")
    ours = next(row for row in rows if row["name"] == OURS)
    for row in rows:
        age = row["age_ms"]
        table.add_row(
            row["name"] if row is not ours else f"[bold]{row['name']}[/]",
            f"{age['p50']:.1f}",
            f"{age['p95']:.1f}",
            f"{age['last']:.1f}",
            "" if row["rss_growth_mib"] is None else f"{row['rss_growth_mib']:+.1f}",
            str(row["received"]),
            str(row["corrupt"]),
        )
    return table
