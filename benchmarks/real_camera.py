"""What profiles do to clips of a real camera, where nobody knows the truth.

Run: python -m benchmarks.real_camera CLIP... --profile balanced --profile webcam --json F --sheet P

Of every frame deblurred: the PSNR between raw and restored picture where nothing moves, which is to
stay as it is; the fine detail of what moves, restored over raw; and in how many frames MediaPipe
finds a hand, of the raw clip and of the restored one. More detail is not better as such, as what is
invented counts as well: look at the sheet, which shows the places that were changed most.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.hand_cases import CLIP_FPS, read_frames
from calibration.acuity import TILE_PX, detail, look_at
from calibration.contact_sheet import contact_sheet, picture_problem, write_picture
from calibration.measures import psnr_db
from engines.engine import EngineShape
from engines.files import first_problem, write_text_atomically
from engines.folders import engine_cache
from engines.profile import DEFAULT_PROFILE, load_profile
from engines.selection import choose_engine
from stream.errors import StreamError
from stream.hands.model import find_model
from stream.hands.tracker_process import TrackerProcess, TrackerSettings
from stream.statistics import machine_facts, program_version

Picture = NDArray[np.uint8]

_STILL_STEPS = 10.0
"""Grey levels off the clip's median up to which a place counts as standing still."""
_AROUND_PX = 33
"""What is so near to something that moves does not."""
_MIN_SHARE = 0.05
"""Of a frame that has to stand still, or move, to be measured."""
_SHOWN_PX = 160
_SHOWN_A_CLIP = 4
_APART = 5
"""Frames between two that are shown."""


@dataclass(frozen=True, kw_only=True)
class ClipFigures:
    """One clip as one profile restores it; medians over its frames.

    Attributes:
        still_psnr_db: between raw and restored where nothing moves; None where all does.
        detail: of what moves, restored over raw; None where nothing does.
        hands_raw, hands: frames in which a hand is found, before and after.
    """

    clip: str
    profile: str
    frames: int
    still_psnr_db: float | None
    still_psnr_db_lowest: float | None
    detail: float | None
    hands_raw: int
    hands: int


def still_places(frames: Sequence[Picture]) -> list[NDArray[np.bool_]]:
    """Where each frame of a camera that stands shows what it always shows, bool (H, W) each."""
    grey = [cv2.GaussianBlur(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), (0, 0), 2.0) for f in frames]
    usual = np.median(np.stack(grey), axis=0)
    around = np.ones((_AROUND_PX, _AROUND_PX), np.uint8)
    moving = [(np.abs(picture - usual) > _STILL_STEPS).astype(np.uint8) for picture in grey]
    return [cv2.dilate(mask, around) == 0 for mask in moving]


@dataclass(frozen=True)
class RawClip:
    """A clip before anything is done to it, looked at once for all profiles.

    Attributes:
        frames: uint8 (H, W, 3) RGB each.
        still: as :func:`still_places` gives it.
        hands: frames in which a hand is found.
    """

    name: str
    frames: Sequence[Picture]
    still: Sequence[NDArray[np.bool_]]
    hands: int


def raw_clip(name: str, frames: Sequence[Picture], model: Path) -> RawClip:
    """See where it stands still and count its hands, by a model file of MediaPipe's."""
    return RawClip(name, frames, still_places(frames), _frames_with_a_hand(frames, model))


def clip_figures(
    raw: RawClip, profile: str, restored: Sequence[Picture], model: Path
) -> ClipFigures:
    """Compare a clip with what a profile made of it, uint8 (H, W, 3) RGB pictures."""
    still_db, gained = [], []
    for before, after, still in zip(raw.frames, restored, raw.still, strict=True):
        if still.mean() > _MIN_SHARE:
            still_db.append(psnr_db(before[still], after[still]))
        rows, columns = (side // TILE_PX for side in still.shape)
        tiles = still[: rows * TILE_PX, : columns * TILE_PX]
        moving = np.logical_not(tiles.reshape(rows, TILE_PX, columns, TILE_PX).any(axis=(1, 3)))
        if moving.mean() > _MIN_SHARE:
            own, now = (detail(look_at(p, 0.0), moving).mean() for p in (before, after))
            gained.append(float(now / max(own, 1e-6)))
    return ClipFigures(
        clip=raw.name,
        profile=profile,
        frames=len(raw.frames),
        still_psnr_db=round(float(np.median(still_db)), 2) if still_db else None,
        still_psnr_db_lowest=round(min(still_db), 2) if still_db else None,
        detail=round(float(np.median(gained)), 4) if gained else None,
        hands_raw=raw.hands,
        hands=_frames_with_a_hand(restored, model),
    )


def restored_frames(profile: str, frames: Sequence[Picture]) -> list[Picture]:
    """Frames as a profile restores them, those of each size by the engine that `live` takes."""
    restored: dict[int, Picture] = {}
    for size in dict.fromkeys(frame.shape for frame in frames):
        shape = EngineShape(height=size[0], width=size[1])
        engine = choose_engine(load_profile(profile), shape, cache=engine_cache()).engine
        for number, frame in enumerate(frames):
            if frame.shape == size:
                restored[number] = engine(frame[None])[0].copy()
    return [restored[number] for number in range(len(frames))]


def _frames_with_a_hand(frames: Sequence[Picture], model: Path) -> int:
    tracker = TrackerProcess(TrackerSettings(model=model))
    try:
        return sum(
            bool(tracker.track(frame, number / CLIP_FPS)) for number, frame in enumerate(frames)
        )
    finally:
        tracker.close()


def changed_places(
    raw: Sequence[Picture], restored: Mapping[str, Sequence[Picture]]
) -> list[tuple[int, slice, slice]]:
    """Up to four squares that any profile changed most: frame, rows, columns."""
    height, width = raw[0].shape[:2]
    side = min(_SHOWN_PX, height, width)
    peaks = []
    for number, frame in enumerate(raw):
        changes = [cv2.absdiff(frame, pictures[number]) for pictures in restored.values()]
        change = np.max(changes, axis=0).mean(axis=2)
        around = cv2.blur(change, (side // 3, side // 3))
        peaks.append((around.max(), number, *np.unravel_index(around.argmax(), around.shape)))
    shown: list[tuple[int, slice, slice]] = []
    for _, number, y, x in sorted(peaks, key=lambda peak: -peak[0]):
        if len(shown) < _SHOWN_A_CLIP and all(abs(number - n) >= _APART for n, *_ in shown):
            top = min(max(int(y) - side // 2, 0), height - side)
            left = min(max(int(x) - side // 2, 0), width - side)
            shown.append((number, slice(top, top + side), slice(left, left + side)))
    return shown


def measure(
    clips: Sequence[Path], profiles: Sequence[str], model: Path, console: Console
) -> tuple[list[ClipFigures], Picture]:
    """Every clip by every profile, and the sheet of the places that were changed most."""
    found = []
    shown: dict[str, list[Picture]] = {name: [] for name in ("raw", *profiles)}
    for clip in clips:
        with console.status(f"{clip.name} as it is"):
            raw = raw_clip(clip.name, list(read_frames(clip)), model)
        restored: dict[str, list[Picture]] = {}
        for profile in profiles:
            with console.status(f"{clip.name} by {profile}"):
                restored[profile] = restored_frames(profile, raw.frames)
                found.append(clip_figures(raw, Path(profile).name, restored[profile], model))
        for number, rows, columns in changed_places(raw.frames, restored):
            for name, pictures in [("raw", raw.frames), *restored.items()]:
                shown[name].append(np.ascontiguousarray(pictures[number][rows, columns]))
    return found, contact_sheet([(Path(name).name, pictures) for name, pictures in shown.items()])


def _table(found: Sequence[ClipFigures]) -> Table:
    table = Table("clip", "profile", "still, dB", "lowest", "detail", "hands raw", "hands", "of")
    for one in found:
        cells = (
            one.clip, one.profile, one.still_psnr_db, one.still_psnr_db_lowest, one.detail,
            one.hands_raw, one.hands, one.frames,
        )  # fmt: skip
        table.add_row(*(str(cell) for cell in cells))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+", help="of a camera that stands")
    parser.add_argument("--profile", action="append", help=f"{DEFAULT_PROFILE} if not given")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sheet", type=Path, help="picture of the places changed most")
    arguments = parser.parse_args()
    problem = first_problem(arguments.json) or picture_problem(arguments.sheet)
    if problem is not None:
        parser.error(problem)
    try:
        hand_model = find_model()
    except StreamError as error:
        parser.error(str(error))
    profiles = arguments.profile or [DEFAULT_PROFILE]
    found, sheet = measure(arguments.clips, profiles, hand_model, Console())
    Console(emoji=False).print(_table(found))
    if arguments.sheet is not None:
        write_picture(arguments.sheet, sheet)
    if arguments.json is not None:
        result: dict[str, Any] = {
            "benchmark": "real-camera",
            "version": program_version(),
            "machine": machine_facts(),
            "clips": [asdict(one) for one in found],
        }
        write_text_atomically(arguments.json, json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
