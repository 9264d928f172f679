"""What a camera's own processing costs, and haste: an even thing moved over frames of a real clip.

Run: python -m benchmarks.processed_motion CLIP... --profile balanced --json F

A real webcam softens noise, sharpens and compresses after the exposure, which shake that is made of
sharp photographs does not show. Here a thing as even as skin moves in a line over frames of a real
camera, 12 to 22 px during the exposure, and then one step after the other is done to it; or it
moves more slowly or faster, and nothing is done. The truth is the scene without motion and noise,
processed in the same way; gains are of where the thing was.
"""

import argparse
import itertools
import json
import statistics as st
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.hand_cases import Picture, read_frames
from benchmarks.real_camera import restored_frames
from calibration.camera import Camera, through_jpeg
from calibration.measures import psnr_db
from calibration.object_motion import MovingObject, ObjectMotion, evened
from calibration.webcam import sharpened, softened, through_h264
from engines.files import writable_problem, write_text_atomically
from engines.profile import DEFAULT_PROFILE
from stream.statistics import machine_facts, program_version

Process = Callable[[Picture], Picture]

_USUAL_PX = 12.0, 22.0
SEED = 71
_SCENES_A_CLIP = 6
_MULTIPLE = 16


@dataclass(frozen=True)
class Condition:
    """How far a thing moves during the exposure, at least and at most, and what is done then."""

    extent_px: tuple[float, float] = _USUAL_PX
    process: Process = lambda picture: picture


CONDITIONS: dict[str, Condition] = {
    "none": Condition(),
    "noise reduced": Condition(process=softened),
    "sharpened": Condition(process=sharpened),
    "JPEG 75": Condition(process=lambda picture: through_jpeg(picture, 75)),
    "H.264 CRF 28": Condition(process=lambda picture: through_h264(picture, 28)),
    "all but H.264": Condition(
        process=lambda picture: through_jpeg(sharpened(softened(picture)), 75)
    ),
    "4 to 8 px": Condition((4.0, 8.0)),
    "24 to 32 px": Condition((24.0, 32.0)),
    "34 to 44 px": Condition((34.0, 44.0)),
}


def scenes_of(
    frames: Sequence[Picture], extent_px: tuple[float, float] = _USUAL_PX
) -> list[MovingObject]:
    """Up to six of a clip's frames, evenly apart, each with something that moves before it."""
    motion = ObjectMotion(
        min_extent_px=extent_px[0], max_extent_px=extent_px[1], linear_share=1.0,
        min_size=0.2, max_size=0.35, camera=Camera(max_noise=2.0),
    )  # fmt: skip
    made = []
    for number, frame in enumerate(_evenly(frames, len(frames))):
        random = np.random.default_rng((SEED, number))
        texture = np.ascontiguousarray(frame[::-1, ::-1])
        made.append(motion.apply(frame, evened(texture, frame, random), random))
    return made


def _evenly(frames: Iterable[Picture], count: int) -> list[Picture]:
    """Up to six of so many frames, evenly apart."""
    step = max(1, count // _SCENES_A_CLIP)
    return list(itertools.islice(frames, 0, step * _SCENES_A_CLIP, step))


def measure(
    clips: Sequence[Path], profiles: Sequence[str], console: Console
) -> list[dict[str, Any]]:
    """A row for each profile: by how many dB it gains in each condition, and how often."""
    frames = [_evenly(read_frames(clip), sum(1 for _ in read_frames(clip))) for clip in clips]
    scenes = {
        extent_px: [scene for clip in frames for scene in scenes_of(clip, extent_px)]
        for extent_px in dict.fromkeys(one.extent_px for one in CONDITIONS.values())
    }
    seen = {name: _Seen.of(scenes[one.extent_px], one.process) for name, one in CONDITIONS.items()}
    rows: list[dict[str, Any]] = []
    for profile in profiles:
        with console.status(profile):
            gains = _gains(profile, seen)
        row: dict[str, Any] = {"profile": Path(profile).name, "scenes": len(gains["none"])}
        for name, found in gains.items():
            row[name] = {
                "psnr_gain_db": round(st.mean(found), 3),
                "share_improved": round(float(np.mean(np.array(found) > 0)), 4),
            }
        rows.append(row)
    return rows


def _gains(profile: str, seen: Mapping[str, "_Seen"]) -> dict[str, list[float]]:
    """Of each picture of each condition."""
    blurred = [picture for one in seen.values() for picture in one.blurred]
    restored = iter(restored_frames(profile, blurred))
    return {
        name: one.gains(list(itertools.islice(restored, len(one.blurred))))
        for name, one in seen.items()
    }


@dataclass(frozen=True)
class _Seen:
    """What a camera delivers in one condition, the truths, and where something moves."""

    blurred: list[Picture]
    truth: list[Picture]
    moves: list[NDArray[np.bool_]]

    @classmethod
    def of(cls, scenes: Sequence[MovingObject], process: Process) -> "_Seen":
        return cls(
            blurred=[process(_whole_blocks(scene.blurred)) for scene in scenes],
            truth=[process(_whole_blocks(scene.sharp)) for scene in scenes],
            moves=[_whole_blocks(scene.moves) for scene in scenes],
        )

    def gains(self, restored: Sequence[Picture]) -> list[float]:
        """By how many dB each picture is nearer to its truth where the thing was."""
        return [
            psnr_db(after[inside], true[inside]) - psnr_db(before[inside], true[inside])
            for before, after, true, inside in zip(
                self.blurred, restored, self.truth, self.moves, strict=True
            )
        ]


def _whole_blocks(picture: NDArray[Any]) -> NDArray[Any]:
    """As much of it as codecs take."""
    height, width = (side - side % _MULTIPLE for side in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width])


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    profiles = (row["profile"] for row in rows)
    table = Table("", *profiles, title="gain where something even moved, dB")
    for name in CONDITIONS:
        table.add_row(name, *(f"{row[name]['psnr_gain_db']:+.2f}" for row in rows))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--profile", action="append", help=f"{DEFAULT_PROFILE} if not given")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.json is not None and (problem := writable_problem(arguments.json)) is not None:
        parser.error(problem)
    console = Console()
    rows = measure(arguments.clips, arguments.profile or [DEFAULT_PROFILE], console)
    console.print(_table(rows))
    if arguments.json is not None:
        result = {
            "benchmark": "processed-motion",
            "version": program_version(),
            "machine": machine_facts(),
            "clips": [clip.name for clip in arguments.clips],
            "rows": rows,
        }
        write_text_atomically(arguments.json, json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
