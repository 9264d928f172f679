"""In how many frames of clips a hand is found, as the program would."""

from pathlib import Path
from typing import Any

from benchmarks.hand_cases import read_frames
from benchmarks.hands_blurred import LOW_CONFIDENCE
from benchmarks.runs import run_whole
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import load_profile
from stream.capture import SourceOptions, open_source
from stream.deblurring import Deblurring
from stream.hands.landmarks import TrackedFrame
from stream.hands.tracker_process import TrackerProcess, TrackerSettings
from stream.hands.tracking import HandSettings
from stream.output.null import Null
from stream.pipeline import Pipeline


def clip_figures(clip: Path, model: Path, profile: str) -> dict[str, Any]:
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
    run_whole(pipeline)
    return tracked


def _content_with_less(clip: Path, model: Path) -> list[bool]:
    tracker = TrackerProcess(TrackerSettings(model=model, confidence=LOW_CONFIDENCE))
    frames = read_frames(clip)
    seen = [bool(tracker.track(frame, number / 30)) for number, frame in enumerate(frames)]
    tracker.close()
    return seen


def total(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """The same, added up."""

    def added(key: str) -> dict[str, int]:
        return {name: sum(clip[key][name] for clip in clips) for name in clips[0][key]}

    return {
        "frames": sum(clip["frames"] for clip in clips),
        "with_hand": added("with_hand"),
        "lost_between_sightings": sum(clip["lost_between_sightings"] for clip in clips),
        "of_these_found": added("of_these_found"),
    }
