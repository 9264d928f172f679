"""What a camera's own processing costs: an even thing moved over frames of a real clip.

Run: python -m benchmarks.processed_motion CLIP... --profile balanced --json F

A real webcam softens noise, sharpens and compresses after the exposure, which shake that is made of
sharp photographs does not show. Here a thing as even as skin, 12 to 22 px fast, moves in a line
over frames of a real camera, and then one step after the other is done to it. The truth is the
scene without motion and noise, processed in the same way; gains are of where the thing was.
"""

import argparse
import json
import statistics as st
from collections.abc import Callable, Sequence
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
from engines.files import folder_problem, write_text_atomically
from engines.profile import DEFAULT_PROFILE
from stream.statistics import machine_facts, program_version

Process = Callable[[Picture], Picture]

MOTION = ObjectMotion(
    min_extent_px=12, max_extent_px=22, linear_share=1.0, min_size=0.2, max_size=0.35,
    camera=Camera(max_noise=2.0),
)  # fmt: skip
SEED = 71
_SCENES_A_CLIP = 6
_MULTIPLE = 16


PROCESSES: dict[str, Process] = {
    "none": lambda picture: picture,
    "noise reduced": softened,
    "sharpened": sharpened,
    "JPEG 75": lambda picture: through_jpeg(picture, 75),
    "H.264 CRF 28": lambda picture: through_h264(picture, 28),
    "all but H.264": lambda picture: through_jpeg(sharpened(softened(picture)), 75),
}


def scenes_of(frames: Sequence[Picture]) -> list[MovingObject]:
    """Up to six of a clip's frames, evenly apart, each with something that moves before it."""
    step = max(1, len(frames) // _SCENES_A_CLIP)
    made = []
    for number, frame in enumerate(frames[::step][:_SCENES_A_CLIP]):
        random = np.random.default_rng((SEED, number))
        texture = np.ascontiguousarray(frame[::-1, ::-1])
        made.append(MOTION.apply(frame, evened(texture, frame, random), random))
    return made


def measure(
    clips: Sequence[Path], profiles: Sequence[str], console: Console
) -> list[dict[str, Any]]:
    """A row for each profile: by how many dB it gains after each process, and how often."""
    scenes = [scene for clip in clips for scene in scenes_of(read_frames(clip))]
    moves = [_whole_blocks(scene.moves) for scene in scenes]
    blurred, truth = (
        [process(_whole_blocks(picture)) for process in PROCESSES.values() for picture in pictures]
        for pictures in ([s.blurred for s in scenes], [s.sharp for s in scenes])
    )
    rows: list[dict[str, Any]] = []
    for profile in profiles:
        with console.status(profile):
            restored = restored_frames(profile, blurred)
        row: dict[str, Any] = {"profile": Path(profile).name, "scenes": len(scenes)}
        for number, name in enumerate(PROCESSES):
            done = slice(number * len(scenes), (number + 1) * len(scenes))
            gains = _gains(blurred[done], restored[done], truth[done], moves)
            row[name] = {
                "psnr_gain_db": round(st.mean(gains), 3),
                "share_improved": round(float(np.mean(np.array(gains) > 0)), 4),
            }
        rows.append(row)
    return rows


def _gains(
    blurred: Sequence[Picture],
    restored: Sequence[Picture],
    truth: Sequence[Picture],
    moves: Sequence[NDArray[np.bool_]],
) -> list[float]:
    """By how many dB each picture is nearer to its truth where the thing was."""
    return [
        psnr_db(after[inside], true[inside]) - psnr_db(before[inside], true[inside])
        for before, after, true, inside in zip(blurred, restored, truth, moves, strict=True)
    ]


def _whole_blocks(picture: NDArray[Any]) -> NDArray[Any]:
    """As much of it as codecs take."""
    height, width = (side - side % _MULTIPLE for side in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width])


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("profile", *PROCESSES, title="gain where something even moved, dB")
    for row in rows:
        table.add_row(row["profile"], *(f"{row[name]['psnr_gain_db']:+.2f}" for name in PROCESSES))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--profile", action="append", help=f"{DEFAULT_PROFILE} if not given")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.json is not None and (problem := folder_problem(arguments.json)) is not None:
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
