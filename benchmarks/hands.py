"""`blur2blur bench hands`: does deblurring help the hand tracker, and does it ever harm it?

Frames in which a hand stands still are blurred by parts of its palm's length; what the tracker
finds is compared with what it found in the sharp frame. PCK is the share of landmarks within 0.2
palm lengths of that, with a hand that is not found counting as none. Beside it stand the cheap
competitor, a tracker that is content with less, and deconvolution with the true kernel, which no
real camera tells. Then the clips as they are: in how many frames is a hand found?
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.hand_cases import (
    BlurredHand,
    Picture,
    StillHand,
    blurred_hands,
    find_clips,
    read_frames,
    still_hands,
)
from benchmarks.hands_live import live_figures
from calibration.camera import to_display, to_linear
from calibration.measures import psnr_db
from engines.files import folder_problem, write_atomically, write_text_atomically
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import DEFAULT_PROFILE, load_profile
from stream.capture import SourceOptions, open_source
from stream.deblurring import DeblurMode, Deblurring
from stream.errors import StreamError
from stream.frame import Frame
from stream.hands.landmarks import TrackedFrame
from stream.hands.model import find_model
from stream.hands.surroundings import SIDES_PX, Surroundings
from stream.hands.tracker_process import TrackerProcess, TrackerSettings
from stream.hands.tracking import HandSettings
from stream.output.null import Null
from stream.pipeline import Pipeline
from stream.statistics import machine_facts, program_version

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
METHODS = ("raw", "content with less", "deblurred", "deblurred, region", "always", "oracle")
_WITHIN_PALMS = 0.2
_LOW_CONFIDENCE = 0.1
_ORACLE_STEPS = 30
_SEED = 7


_LIVE = {
    "frames/s": "fps_output",
    "age p50, ms": "age_p50_ms",
    "age p95, ms": "age_p95_ms",
    "engine p50, ms": "engine_p50_ms",
    "frames tracked": "tracked_share",
    "landmarks behind p50, ms": "behind_p50_ms",
    "p95, ms": "behind_p95_ms",
}


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
    for file in (json_file, chart):
        if file is not None and (problem := folder_problem(file)) is not None:
            raise StreamError(problem)
    result = measure(benchmark, console)
    console.print(_blur_table(result))
    console.print(_clip_table(result))
    console.print(_live_table(result))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
        write_text_atomically(json_file.with_suffix(".md"), markdown(result))
    if chart is not None:
        _draw(result, chart)
    return 0


def measure(benchmark: HandsBenchmark, console: Console) -> dict[str, Any]:
    """All figures."""
    model = find_model(benchmark.hand_model)
    clips = find_clips(benchmark.data)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("looking for hands that stand still", total=None)
        hands = still_hands(clips, model)
        progress.update(task, description="blurring", total=len(LEVELS) + len(clips))
        restoring = _Restoring(benchmark.profile)
        with _Judges(model) as judges:
            levels = []
            for level in LEVELS:
                levels.append(_level(level, hands, restoring, judges))
                progress.advance(task)
        found = []
        for clip in clips:
            found.append(_clip(clip, model, benchmark.profile))
            progress.advance(task)
        progress.update(task, description="playing them like a camera", total=None)
        live = live_figures(clips, benchmark.profile, HandSettings(model=model))
    return {
        "benchmark": "hands",
        "version": program_version(),
        "machine": machine_facts(),
        "profile": benchmark.profile,
        "still_frames": len(hands),
        "palm_px_median": round(float(np.median([h.hand.palm_px for h in hands])), 1),
        "levels": levels,
        "clips": found,
        "total": _total(found),
        "live": live,
    }


class _Restoring:
    """What is done to a blurred frame before the tracker sees it."""

    def __init__(self, profile: str) -> None:
        pool = EnginePool(load_profile(profile), cache=engine_cache())
        modes: dict[str, DeblurMode] = {"deblurred": "auto", "always": "on"}
        self._deblurring = {name: Deblurring(lambda: pool, mode) for name, mode in modes.items()}
        self._region = Deblurring(lambda: pool, "auto")
        self._region.region_sides = SIDES_PX
        self._number = 0

    def by(self, method: str, blurred: BlurredHand, still: StillHand) -> Picture:
        """The picture; every one is the first of its own source, so that no gate remembers."""
        self._number += 1
        frame = Frame(
            pixels=blurred.pixels,
            source=f"{method} {self._number}",
            sequence=0,
            pts_s=0.0,
            captured_ns=0,
            posted_ns=0,
        )
        if method == "oracle":
            return _oracle(blurred, still)
        if method == "deblurred, region":
            surroundings = Surroundings()
            surroundings.found(_seen(frame, still))
            self._region.region_of = lambda f: surroundings.at(0.0, f.height, f.width)
            return self._region.process([frame])[0].pixels
        return self._deblurring[method].process([frame])[0].pixels


class _Judges:
    """Trackers that search every picture anew."""

    def __init__(self, model: Path) -> None:
        self._usual = TrackerProcess(TrackerSettings(model=model, mode="image"))
        self._content = TrackerProcess(
            TrackerSettings(model=model, mode="image", confidence=_LOW_CONFIDENCE)
        )

    def __enter__(self) -> "_Judges":
        return self

    def __exit__(self, *_: object) -> None:
        self._usual.close()
        self._content.close()

    def judge(self, pixels: Picture, still: StillHand, *, content: bool) -> tuple[float, float]:
        """Whether the hand was found, and the share of its landmarks in place."""
        hands = (self._content if content else self._usual).track(pixels, 0.0)
        if not hands:
            return 0.0, 0.0
        errors = [np.linalg.norm((h.points - still.hand.points)[:, :2], axis=1) for h in hands]
        nearest = min(errors, key=lambda error: float(error.mean()))
        return 1.0, float((nearest < _WITHIN_PALMS * still.hand.palm_px).mean())


def _level(
    level: float, hands: list[StillHand], restoring: _Restoring, judges: _Judges
) -> dict[str, Any]:
    scores: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    gains: dict[str, list[float]] = {method: [] for method in ("deblurred", "deblurred, region")}
    for still in hands:
        for blurred in blurred_hands(still, level, _SEED):
            for method in METHODS:
                content = method == "content with less"
                pixels = blurred.pixels
                if method != "raw" and not content:
                    pixels = restoring.by(method, blurred, still)
                score = judges.judge(pixels, still, content=content)
                if method.startswith("deblurred") and not score[0]:  # as `live --hands` does
                    score = judges.judge(blurred.pixels, still, content=False)
                scores[method].append(score)
                if method in gains and level:
                    gains[method].append(_gain_db(pixels, blurred, still))
    return {
        "blur_palms": level,
        "pictures": len(scores["raw"]),
        "methods": {
            method: {
                "detected": round(100 * float(np.mean([found for found, _ in values])), 1),
                "pck": round(100 * float(np.mean([share for _, share in values])), 1),
            }
            for method, values in scores.items()
        },
        "psnr_gain_at_the_hand_db": {
            method: round(float(np.mean(values)), 2) for method, values in gains.items() if values
        },
    }


def _oracle(blurred: BlurredHand, still: StillHand) -> Picture:
    """Richardson's and Lucy's deconvolution with the true kernel, around the hand."""
    from skimage.restoration import richardson_lucy

    points = still.hand.points[:, :2]
    margin = still.hand.palm_px + len(blurred.kernel)
    low = np.maximum(points.min(0) - margin, 0).astype(int)
    high = (points.max(0) + margin).astype(int)
    place = (slice(low[1], high[1]), slice(low[0], high[0]))
    light = to_linear(blurred.pixels)[place]
    channels = [
        richardson_lucy(light[:, :, c], blurred.kernel, _ORACLE_STEPS, clip=False)  # type: ignore[no-untyped-call]
        for c in range(3)
    ]
    restored = blurred.pixels.copy()
    restored[place] = to_display(np.stack(channels, axis=2).astype(np.float32))
    return restored


def _gain_db(pixels: Picture, blurred: BlurredHand, still: StillHand) -> float:
    """How much nearer to the sharp frame, where the hand is."""
    points = still.hand.points[:, :2]
    low, high = np.maximum(points.min(0), 0).astype(int), points.max(0).astype(int) + 1
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    truth = still.pixels[rows, columns]
    return psnr_db(pixels[rows, columns], truth) - psnr_db(blurred.pixels[rows, columns], truth)


def _seen(frame: Frame, still: StillHand) -> TrackedFrame:
    return TrackedFrame(
        source=frame.source,
        sequence=0,
        pts_s=0.0,
        captured_ns=0,
        width=frame.width,
        height=frame.height,
        blur=None,
        bypassed=False,
        deblurred=(still.hand,),
        raw=None,
        finished_ns=0,
        tracker_ms=0.0,
    )


def _clip(clip: Path, model: Path, profile: str) -> dict[str, Any]:
    """Frames of a clip with a hand, as the program finds them, every frame looked at."""
    apart = _follow(clip, profile, HandSettings(model=model, on="both"))
    raw = [bool(frame.raw) for frame in apart]
    found = {"raw": raw, "content with less": _content_with_less(clip, model)}
    found["deblurred alone"] = [bool(frame.deblurred) for frame in apart]
    for name, region in (("live --hands", False), ("with --hand-region", True)):
        shown = _follow(clip, profile, HandSettings(model=model, region=region))
        found[name] = [bool(frame.hands) for frame in shown]
    lost = lost_between(raw)
    return {
        "clip": clip.name,
        "frames": len(raw),
        "with_hand": {name: sum(seen) for name, seen in found.items()},
        "lost_between_sightings": len(lost),
        "of_these_found": {name: sum(seen[i] for i in lost) for name, seen in found.items()},
    }


def lost_between(seen: list[bool]) -> list[int]:
    """Frames without a hand that have one at most half a second (15 frames) before and after.

    There a hand was most likely still to be seen; before the first and after the last it may have
    left the picture.
    """
    lost = []
    for i, here in enumerate(seen):
        if not here and any(seen[max(0, i - 15) : i]) and any(seen[i + 1 : i + 16]):
            lost.append(i)
    return lost


def _follow(clip: Path, profile: str, hands: HandSettings) -> list[TrackedFrame]:
    tracked: list[TrackedFrame] = []
    pool = EnginePool(load_profile(profile), cache=engine_cache())
    pipeline = Pipeline(
        [open_source(str(clip), SourceOptions())],
        [Null()],
        Deblurring(lambda: pool, "auto"),
        hands=hands,
        found=tracked.append,
    )
    pipeline.start()
    while pipeline.step_main_thread(0.05):
        pass
    pipeline.close()
    if pipeline.problems:
        raise StreamError("; ".join(pipeline.problems))
    return tracked


def _content_with_less(clip: Path, model: Path) -> list[bool]:
    tracker = TrackerProcess(TrackerSettings(model=model, confidence=_LOW_CONFIDENCE))
    frames = read_frames(clip)
    seen = [bool(tracker.track(frame, number / 30)) for number, frame in enumerate(frames)]
    tracker.close()
    return seen


def _total(clips: list[dict[str, Any]]) -> dict[str, Any]:
    def added(key: str) -> dict[str, int]:
        return {name: sum(clip[key][name] for clip in clips) for name in clips[0][key]}

    return {
        "frames": sum(clip["frames"] for clip in clips),
        "with_hand": added("with_hand"),
        "lost_between_sightings": sum(clip["lost_between_sightings"] for clip in clips),
        "of_these_found": added("of_these_found"),
    }


def _blur_table(result: Mapping[str, Any]) -> Table:
    frames, palm = result["still_frames"], result["palm_px_median"]
    table = Table(title=f"PCK of {frames} frames x 4 directions (found), palm {palm:.0f} px")
    for heading in ("blur, palms", *METHODS):
        table.add_column(heading, justify="right")
    for row in result["levels"]:
        cells = (row["methods"][method] for method in METHODS)
        texts = (f"{cell['pck']:.0f} ({cell['detected']:.0f})" for cell in cells)
        table.add_row(f"{row['blur_palms']:g}", *texts)
    return table


def _clip_table(result: Mapping[str, Any]) -> Table:
    names = list(result["total"]["with_hand"])
    table = Table(title="frames with a hand (of those that raw lost between two sightings)")
    for heading in ("clip", "frames", *names):
        table.add_column(heading, justify="left" if heading == "clip" else "right")
    for row in [*result["clips"], {"clip": "total", **result["total"]}]:
        cells = (f"{row['with_hand'][name]} ({row['of_these_found'][name]})" for name in names)
        table.add_row(row["clip"], str(row["frames"]), *cells)
    return table


def _live_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="640x480 at 30 frames a second, --deblur on")
    for heading in ("", *_LIVE):
        table.add_column(heading, justify="right" if heading else "left")
    for row in result["live"]:
        table.add_row(*_live_cells(row))
    return table


def _live_cells(row: Mapping[str, Any]) -> list[str]:
    values = (row[key] for key in _LIVE.values())
    return [row["name"], *("" if value is None else f"{value:.3g}" for value in values)]


def markdown(result: Mapping[str, Any]) -> str:
    """The tables for a report."""
    lines = [
        f"{result['still_frames']} still frames x 4 directions, median palm "
        f"{result['palm_px_median']} px, profile {result['profile']}. PCK@0.2 palm with missed "
        "hands as 0, in brackets the share of hands found, %.",
        "",
        f"| blur, palms | {' | '.join(METHODS)} |",
        "|" + "---|" * (len(METHODS) + 1),
    ]
    for row in result["levels"]:
        cells = [row["methods"][method] for method in METHODS]
        texts = [f"{cell['pck']:.0f} ({cell['detected']:.0f})" for cell in cells]
        lines.append(f"| {row['blur_palms']:g} | {' | '.join(texts)} |")
    names = list(result["total"]["with_hand"])
    lines += ["", f"| clip | frames | {' | '.join(names)} |", "|" + "---|" * (len(names) + 2)]
    for row in [*result["clips"], {"clip": "total", **result["total"]}]:
        texts = [f"{row['with_hand'][name]} ({row['of_these_found'][name]})" for name in names]
        lines.append(f"| {row['clip']} | {row['frames']} | {' | '.join(texts)} |")
    lines.append("")
    lines.append("Frames with a hand; in brackets, of those that raw lost between two sightings.")
    lines += ["", f"| live | {' | '.join(_LIVE)} |", "|" + "---|" * (len(_LIVE) + 1)]
    lines += [f"| {' | '.join(_live_cells(row))} |" for row in result["live"]]
    return "\n".join(lines) + "\n"


def _draw(result: Mapping[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure  # takes a second to load

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    styles = {
        "raw": ("#777777", "o", "-"),
        "content with less": ("#aaaaaa", "v", ":"),
        "deblurred": ("#0b6e99", "o", "-"),
        "deblurred, region": ("#0b6e99", "s", "--"),
        "oracle": ("#d89614", "d", ":"),
    }
    levels = [row["blur_palms"] for row in result["levels"]]
    for method, (color, marker, line) in styles.items():
        values = [row["methods"][method]["pck"] for row in result["levels"]]
        axes.plot(levels, values, color=color, marker=marker, linestyle=line, label=method)
    axes.set(xlabel="blur, palm lengths", ylabel="PCK@0.2 palm, missed hands as 0, %")
    axes.grid(alpha=0.3)
    axes.legend()
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))
