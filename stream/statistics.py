"""The statistics of a run as JSON: what ``--stats`` writes."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engines.processor import processor
from stream.pipeline import Pipeline


def statistics(pipeline: Pipeline) -> dict[str, Any]:
    """Everything that is known of a run, plain JSON values; see the README for the fields."""
    ledger = pipeline.ledger
    ended_ns = pipeline.ended_ns or time.perf_counter_ns()
    return {
        "version": program_version(),
        "frames_captured": ledger.captured,
        "frames_output": ledger.output,
        "frames_dropped": dict(ledger.dropped),
        "frames_bypassed": ledger.bypassed,
        "frames_in_flight_at_end": ledger.in_flight,
        "fps_output": round(ledger.fps_output, 3),
        "wall_s": round((ended_ns - pipeline.started_ns) / 1e9, 3),
        "latency_ms": ledger.latency_ms(),
        "engine": _engine(pipeline),
        "sources": [
            {
                "name": status.name,
                "uri": status.uri,
                "state": status.state.value,
                "reason": status.reason,
                "width": status.info.width if status.info else None,
                "height": status.info.height if status.info else None,
                "fps": status.info.fps if status.info else None,
                "format": status.info.format if status.info else None,
                "frames": status.frames,
                "frames_lost": status.lost,
                "reconnects": status.reconnects,
                "stalls": status.stalls,
                "frames_output": pipeline.ledgers[status.name].output,
                "frames_dropped": dict(pipeline.ledgers[status.name].dropped),
                "fps_output": round(pipeline.ledgers[status.name].fps_output, 3),
                "latency_ms": pipeline.ledgers[status.name].latency_ms(),
            }
            for status in pipeline.statuses
        ],
        "outputs": [
            {
                "uri": worker.output.uri,
                "written": worker.written,
                "dropped": worker.dropped,
                "failure": worker.failure,
            }
            for worker in pipeline.outputs
        ],
        "hands": _hands(pipeline),
        "machine": machine_facts(),
    }


def machine_facts() -> dict[str, Any]:
    """What the figures were taken on."""
    cpu = processor()
    return {
        "processor": cpu.name,
        "cores": cpu.cores,
        "features": list(cpu.features),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def program_version() -> str:
    try:
        return version("blur2blur-live")
    except PackageNotFoundError:
        return "not installed"


def _engine(pipeline: Pipeline) -> dict[str, Any] | None:
    chosen = pipeline.deblurring.chosen
    if chosen is None:
        return None
    facts = chosen.engine.facts
    first_ns = pipeline.ledger.first_handed_ns
    first_frame_s = None if first_ns is None else round((first_ns - process_start_ns()) / 1e9, 3)
    return {
        "backend": facts.backend,
        "device": facts.device,
        "precision": facts.precision,
        "profile": facts.profile,
        "width": facts.shape.width,
        "height": facts.shape.height,
        "batch": facts.shape.max_batch,
        "self_check_psnr_db": round(chosen.self_check_psnr_db, 2),
        "refused": [{"engine": str(r.candidate), "reason": r.reason} for r in chosen.refused],
        "not_here": [{"engine": a.engine, "reason": a.reason} for a in chosen.absent],
        "first_frame_s": first_frame_s,
    }


def _hands(pipeline: Pipeline) -> dict[str, Any] | None:
    hands = pipeline.hands
    if hands is None:
        return None
    return {
        "looked_for_in": hands.settings.on,
        "frames": hands.frames,
        "frames_with_hands": hands.frames_with_hands,
        "tracker_ms": hands.milliseconds.percentiles() if hands.frames else None,
        "behind_ms": hands.behind_ms.percentiles() if hands.frames else None,
        "failure": hands.failure,
    }


def process_start_ns() -> int:
    """When this process started, on the clock of ``perf_counter_ns``.

    Known on Linux to 10 ms; elsewhere when this module was imported.
    """
    return _STARTED_NS


def start_told_by(process: Path) -> int:
    """See :func:`process_start_ns`. The answer is off by what the machine slept in between.

    Args:
        process: ``/proc/self/stat``, see proc(5); where there is none, the answer is now.
    """
    now_ns = time.perf_counter_ns()
    if not process.is_file():
        return now_ns
    started_ticks = int(process.read_text().rpartition(")")[2].split()[19])
    since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)  # which goes on in sleep
    age_s = since_boot_s - started_ticks / os.sysconf("SC_CLK_TCK")
    return now_ns - round(age_s * 1e9)


_STARTED_NS = start_told_by(Path("/proc/self/stat"))
