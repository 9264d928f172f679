"""What `bench blur2blur` trains on: photographs in parts, two cameras' recordings, and pairs.

A recording is what `calibrate record` would have kept of a camera: unpaired, of other photographs
for the blurry and the sharp frames.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.unknown_domains import Scene, UnknownDomain
from calibration.acuity import TILE_PX, Judgement, Verdict
from calibration.contact_sheet import write_picture
from calibration.errors import CalibrationError
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.photographs import (
    find_photographs,
    read_photographs,
    split_photographs,
    trained_on,
    was_trained_on,
)
from calibration.recording import CalibrationRecording, RecordingRule
from engines.files import write_folder_atomically, write_text_atomically
from engines.profile import load_profile

FRAME_PX = 320
_BLURRY_SHARE = 0.6
"""Of a recording's frames; the paper's ratio is 6 to 4."""
_CLIPS = 4
"""The recording's photographs are parted so; the last part validates, and is not trained on."""
_SEED = 97

SETUP = "protocol.json"
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Scenes:
    """Photographs by what they are for: none is in two parts."""

    blurry: list[Path]
    sharp: list[Path]
    test: list[Path]


def split_scenes(folders: Sequence[Path], deblurrer: str) -> Scenes:
    """Test on what the deblurrer never saw; the rest is parted 6 to 4, as the paper does.

    Raises:
        CalibrationError: there are too few photographs.
    """
    seen = trained_on(load_profile(deblurrer).card)
    paths = find_photographs(list(folders))
    is_seen = {path: was_trained_on(path, seen) for path in paths}
    rest = [path for path in paths if is_seen[path]]
    test = [path for path in paths if not is_seen[path]]
    if not rest:  # a deblurrer that was trained on others
        rest, test = split_photographs(paths, 0.25)
    blurry, sharp = split_photographs(rest, 0.4)
    if not blurry or not sharp or not test:
        raise CalibrationError(
            f"{len(paths)} photographs are too few to be parted into blurry and sharp scenes, and "
            "some to test on that the deblurrer never saw; name more with --data"
        )
    return Scenes(blurry, sharp, test)


def setup(scenes: Scenes, deblurrer: str) -> dict[str, Any]:
    """What rows of one folder have in common; rows of another setup may not be compared."""
    profile = load_profile(deblurrer)
    return {
        "deblurrer": profile.name,
        "deblurrer_sha256": profile.weights_sha256,
        **{part: sorted(path.name for path in paths) for part, paths in vars(scenes).items()},
    }


def agree(rows: Path, wanted: dict[str, Any]) -> None:
    """Note the setup of a folder of rows; one that is noted has to be the same.

    Raises:
        CalibrationError: it is another; the message says in what.
    """
    if not (rows / SETUP).is_file():
        write_text_atomically(rows / SETUP, json.dumps(wanted, indent=1) + "\n")
    check_setup(rows, wanted)


def check_setup(rows: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """The setup of a folder of rows, which agrees with all that is wanted.

    Raises:
        CalibrationError: it does not, or there is none.
    """
    try:
        noted: dict[str, Any] = json.loads((rows / SETUP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CalibrationError(
            f"{rows} holds no trained rows; `blur2blur bench blur2blur --train` makes them"
        ) from None
    if other := [key for key, value in wanted.items() if noted.get(key) != value]:
        raise CalibrationError(
            f"the rows in {rows} were trained with another {', '.join(other)}: name another folder "
            "with --rows, or the same data, model, frames and crops"
        )
    return noted


def made(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder that is made once, whole or not at all."""
    if not folder.is_dir():
        write_folder_atomically(folder, make)
    return folder


def _windows(paths: list[Path], domain: UnknownDomain) -> BlurredCrops:
    recipe = PairRecipe(crop_px=FRAME_PX)
    need = FRAME_PX + 2 * max(domain.margin_px, recipe.margin_px)
    pictures = [p for p in read_photographs(paths).values() if min(p.shape[:2]) >= need]
    return BlurredCrops(pictures, recipe, _SEED, 0)


def _moving(domain: UnknownDomain, crops: BlurredCrops, random: np.random.Generator) -> Scene:
    window = crops.window(domain.margin_px, random)
    return domain.moving(window, crops.window(domain.margin_px, random), random)


def write_recording(domain: UnknownDomain, scenes: Scenes, frames: int, to: Path) -> None:
    """Blurry and sharp frames of the camera, as if it had been recorded."""
    blurry_frames = round(_BLURRY_SHARE * frames)
    rule = RecordingRule(
        blurry=blurry_frames,
        sharp=frames - blurry_frames,
        spacing_s=0.0,
        apart_s=0.0,
        min_difference=0.0,
    )
    recording = CalibrationRecording(to, rule)
    tiles = -(-FRAME_PX // TILE_PX)
    whole = np.ones((tiles, tiles), np.bool_)
    clips = min(_CLIPS, len(scenes.blurry), len(scenes.sharp))
    blurry, sharp = (
        [_windows(paths[clip::clips], domain) for clip in range(clips)]
        for paths in (scenes.blurry, scenes.sharp)
    )
    for number in range(frames):
        random = np.random.default_rng((_SEED, number))
        clip = number % clips
        if number < rule.blurry:
            scene = _moving(domain, blurry[clip], random)
            judged = Judgement(Verdict.BLURRY, 0.0, whole, 1.0)
            recording.offer(f"scenes-{clip}", float(number), scene.blurred, judged)
        if number < rule.sharp:
            frame = domain.still(sharp[clip].window(domain.margin_px, random), random)
            judged = Judgement(Verdict.SHARP, 1.0, whole, 0.0)
            recording.offer(f"scenes-{clip}", float(number), frame, judged)
    recording.finish()


def write_pairs(domain: UnknownDomain, scenes: Scenes, frames: int, to: Path) -> None:
    """Blurred and true frames in GoPro's layout, of the scenes that the recording is of."""
    for part, paths in (("a", scenes.blurry), ("b", scenes.sharp)):
        for index, path in enumerate(paths):
            try:
                windows = _windows([path], domain)
            except CalibrationError:
                continue  # it is too small
            for number in range(frames // (len(scenes.blurry) + len(scenes.sharp)) + 1):
                random = np.random.default_rng((_SEED, 1, index, number, ord(part)))
                scene = _moving(domain, windows, random)
                for kind, picture in (("blur", scene.blurred), ("sharp", scene.truth)):
                    folder = to / f"{part}{index:02d}" / kind
                    folder.mkdir(parents=True, exist_ok=True)
                    write_picture(folder / f"{number:03d}.png", picture)


def copy_all(paths: list[Path], to: Path) -> None:
    """Copy photographs into one folder; those whose name is taken are numbered."""
    for path in paths:
        numbered = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
        names = chain([path.name], numbered)
        shutil.copy(path, next(to / name for name in names if not (to / name).exists()))
