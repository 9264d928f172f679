"""`blur2blur bench hands`: does deblurring help the hand tracker, and does it ever harm it?

Frames in which a hand stands still are blurred by parts of its palm's length; what the tracker
finds is compared with what it found in the sharp frame. PCK is the share of landmarks within 0.2
palm lengths of that, with a hand that is not found counting as none. Beside it stand the cheap
competitor, a tracker that is content with less, and deconvolution with the true kernel, which no
real camera tells. Then the clips as they are: in how many frames is a hand found?
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks.figure_files import problem_of, write_figures
from benchmarks.hand_cases import find_clips, still_hands
from benchmarks.hands_blurred import LEVELS, Judges, Restoring, level_figures
from benchmarks.hands_clips import clip_figures, total
from benchmarks.hands_live import live_figures
from benchmarks.hands_tables import draw, markdown, tables
from engines.profile import DEFAULT_PROFILE
from stream.errors import StreamError
from stream.hands.model import find_model
from stream.hands.tracking import HandSettings
from stream.statistics import machine_facts, program_version


@dataclass(frozen=True, kw_only=True)
class HandsBenchmark:
    """What is measured, with which profile."""

    data: Path
    profile: str = DEFAULT_PROFILE
    hand_model: Path | None = None


def run_hands_benchmark(
    benchmark: HandsBenchmark, json_file: Path | None, chart: Path | None, console: Console
) -> int:
    """Measure, print tables, write JSON with a table beside it and a chart; the exit status.

    Raises:
        StreamError, EngineError, ProfileError, CalibrationError: nothing can be measured here.
    """
    if (problem := problem_of(json_file, chart)) is not None:
        raise StreamError(problem)
    result = measure(benchmark, console)
    for table in tables(result):
        console.print(table)
    if json_file is not None:
        write_figures(json_file, result, markdown(result))
    if chart is not None:
        draw(result, chart)
    return 0


def measure(benchmark: HandsBenchmark, console: Console) -> dict[str, Any]:
    """All figures."""
    model = find_model(benchmark.hand_model)
    clips = find_clips(benchmark.data)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("playing clips like a camera", total=None)
        live = live_figures(clips, benchmark.profile, HandSettings(model=model))
        progress.update(task, description="looking for hands that stand still")
        hands = still_hands(clips, model)
        progress.update(task, description="blurring", total=len(LEVELS) + len(clips))
        restoring = Restoring(benchmark.profile)
        with Judges(model) as judges:
            levels = []
            for level in LEVELS:
                levels.append(level_figures(level, hands, restoring, judges))
                progress.advance(task)
        found = []
        for clip in clips:
            found.append(clip_figures(clip, model, benchmark.profile))
            progress.advance(task)
    return {
        "benchmark": "hands",
        "version": program_version(),
        "machine": machine_facts(),
        "profile": benchmark.profile,
        "still_frames": len(hands),
        "still_frames_by_clip": dict(Counter(still.clip for still in hands)),
        "palm_px_median": round(float(np.median([h.hand.palm_px for h in hands])), 1),
        "blur_levels": levels,
        "clips": found,
        "clips_total": total(found),
        "live": live,
    }
