"""In how many frames of clips a hand is found, as the program would, and how steadily."""

import statistics as st
from pathlib import Path
from typing import Any

from benchmarks.hand_cases import CLIP_FPS, read_frames
from benchmarks.hands_blurred import LOW_CONFIDENCE
from benchmarks.runs import run_whole
from benchmarks.sightings import (
    Hands,
    at_rest,
    jitter_px,
    longest_gap,
    lost_between,
    side_flips,
)
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import load_profile
from stream.capture import SourceOptions, open_source
from stream.deblurring import DeblurMode, Deblurring
from stream.hands.identity import Identities
from stream.hands.landmarks import TrackedFrame
from stream.hands.tracker_process import TrackerProcess, TrackerSettings
from stream.hands.tracking import HandSettings
from stream.output.null import Null
from stream.pipeline import Pipeline

WAYS = ("raw", "raw_low_threshold", "raw_held", "deblurred", "gated", "gated_region")


def clip_figures(clip: Path, model: Path, profile: str) -> dict[str, Any]:
    """Of one clip, every frame looked at: frames with a hand, gaps, jitter at rest, side flips.

    ``gated`` is what `live --hands` shows: the raw picture is looked at where the deblurred one
    shows no hand, and lost hands are held for half a second. ``raw_held`` is what it shows without
    deblurring. ``deblurred`` is every frame deblurred, and nothing else done.
    """
    apart = _follow(clip, profile, "on", HandSettings(model=model, on="both", hold_s=0.0))
    held = _follow(clip, profile, "off", HandSettings(model=model, on="raw"))
    frames: dict[str, list[Hands]] = {
        "raw": [frame.raw or () for frame in apart],
        "raw_low_threshold": _with_low_threshold(clip, model),
        "raw_held": [frame.hands for frame in held],
        "deblurred": [frame.deblurred or () for frame in apart],
    }
    for way, region in (("gated", False), ("gated_region", True)):
        shown = _follow(clip, profile, "auto", HandSettings(model=model, region=region))
        frames[way] = [frame.hands for frame in shown]
    lost, resting = lost_between(frames["raw"]), at_rest(frames["raw"])
    milliseconds = 1000 * (apart[-1].pts_s - apart[0].pts_s) / max(1, len(apart) - 1)
    result: dict[str, Any] = {"name": clip.name, "frames": len(apart), "lost_raw": len(lost)}
    for way, hands in frames.items():
        jitter = jitter_px(hands, resting)
        result |= {
            f"found_{way}": sum(map(bool, hands)),
            f"recovered_{way}": sum(bool(hands[i]) for i in lost),
            f"longest_gap_ms_{way}": round(longest_gap(hands) * milliseconds),
            f"jitter_at_rest_px_{way}": None if jitter is None else round(jitter, 2),
            f"side_flips_{way}": side_flips(hands),
        }
    return result


def total(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """The same of all: sums, but the longest of the gaps, and the median of the jitters."""

    def of_all(key: str) -> float | None:
        values: list[float] = [clip[key] for clip in clips if clip[key] is not None]
        if key.startswith("longest"):
            return max(values)
        if key.startswith("jitter"):
            return round(st.median(values), 2) if values else None
        return sum(values)

    return {key: of_all(key) for key in clips[0] if key != "name"}


def _follow(clip: Path, profile: str, mode: DeblurMode, hands: HandSettings) -> list[TrackedFrame]:
    tracked: list[TrackedFrame] = []
    pool = EnginePool(load_profile(profile), cache=engine_cache())
    pipeline = Pipeline(
        [open_source(str(clip), SourceOptions())],
        [Null()],
        Deblurring(lambda: pool, mode),
        hands=hands,
        found=tracked.append,
    )
    run_whole(pipeline)
    return tracked


def _with_low_threshold(clip: Path, model: Path) -> list[Hands]:
    tracker = TrackerProcess(TrackerSettings(model=model, confidence=LOW_CONFIDENCE))
    identities = Identities()
    times = ((number / CLIP_FPS, frame) for number, frame in enumerate(read_frames(clip)))
    seen = [identities.assign(tracker.track(frame, time), time) for time, frame in times]
    tracker.close()
    return seen
