"""A recording of one's own camera: sharp and blurry frames, unpaired, without loss.

A folder with ``sharp/`` and ``blurry/`` (PNG), ``manifest.json`` and, at the end, ``sheet.jpg``. A
frame is written under a temporary name, then renamed, then entered in the manifest, which is
replaced as a whole every few seconds: whatever happens, what the manifest names is there.
"""

import hashlib
import json
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.acuity import TILE_PX, AcuityRule, Judgement, Verdict, noise_level
from calibration.contact_sheet import contact_sheet, write_picture
from calibration.errors import CalibrationError
from calibration.kept_frame import KeptFrame, kept_frame, spread
from calibration.picture_file import read_picture
from engines.files import write_atomically, write_text_atomically
from engines.shell import shell_word

MANIFEST = "manifest.json"
SHEET = "sheet.jpg"
FORMAT = 1
_SAVE_EVERY_S = 2.0
_MIN_FREE_BYTES = 500 * 2**20
_SHEET_COLUMNS, _SHEET_ROWS, _SHEET_PX = 8, 3, 240

Picture = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class RecordingRule:
    """What is kept.

    Attributes:
        blurry, sharp: how many frames of each are wanted; the paper's ratio is 6 to 4.
        spacing_s: time between kept frames of a kind, so that they are not all the same.
        apart_s: time between a sharp frame and a blurry one, so that no scene is in both.
        around_s: how long before and after a frame its neighbours are.
        min_difference: mean difference to the last kept frame of its kind, in steps of 8 bit,
            under which it is a duplicate.
    """

    blurry: int = 300
    sharp: int = 200
    spacing_s: float = 0.1
    apart_s: float = 0.3
    around_s: float = 3.0
    min_difference: float = 1.0
    acuity: AcuityRule = AcuityRule()


class CalibrationRecording:
    """The folder of a recording, new or gone on with.

    Attributes:
        frames: that are kept.
        clips: names of its clips, and which those are, see ``calibration.clip_identity``.

    Raises:
        CalibrationError: the folder holds something else, or a frame that does not match its
            checksum; or the disk is nearly full.
    """

    def __init__(self, folder: Path, rule: RecordingRule | None = None) -> None:
        self.folder = folder
        self.rule = rule or RecordingRule()
        self.frames: list[KeptFrame] = []
        self.clips: dict[str, str] = {}
        self._identity = secrets.token_hex(16)
        self._number = -1
        self._saved_at = 0.0
        self._last: dict[str, Picture] = {}
        self._load()
        for kind in (Verdict.SHARP, Verdict.BLURRY):
            (folder / kind).mkdir(parents=True, exist_ok=True)

    @classmethod
    def made(cls, folder: Path) -> "CalibrationRecording":
        """One to learn from or to look at, which must be there.

        Raises:
            CalibrationError: it is not, or is damaged.
        """
        if not (folder / MANIFEST).is_file():
            raise CalibrationError(
                f"{folder} holds no recording; "
                f"`blur2blur calibrate record 0 --to {shell_word(folder)}` makes one"
            )
        return cls(folder)

    def count(self, kind: Verdict) -> int:
        return sum(frame.kind == kind for frame in self.frames)

    def wanted(self, kind: Verdict) -> int:
        """How many of a kind are still missing."""
        target = self.rule.sharp if kind is Verdict.SHARP else self.rule.blurry
        return max(0, target - self.count(kind))

    @property
    def complete(self) -> bool:
        return not self.wanted(Verdict.SHARP) and not self.wanted(Verdict.BLURRY)

    def offer(self, clip: str, at_s: float, pixels: Picture, judgement: Judgement) -> bool:
        """Keep a judged frame if it is of use; whether it was kept."""
        kind = judgement.verdict
        if kind is Verdict.UNCLEAR or not self.wanted(kind):
            return False
        if self._is_duplicate(kind, pixels):
            return False
        near = [
            frame
            for frame in self.frames
            if frame.clip == clip and abs(frame.at_s - at_s) < self._distance_s(frame, kind)
        ]
        if any(frame.kind == kind for frame in near) or (near and not self._is_scarcer(kind)):
            return False
        self._keep(clip, at_s, pixels, judgement)
        self._give_up(near)
        return True

    def save(self) -> None:
        """Write the manifest."""
        manifest = {
            "format": FORMAT,
            "identity": self._identity,
            "rule": asdict(self.rule),
            "noise": _median([frame.noise for frame in self.frames]),
            "brightness": _median([frame.brightness for frame in self.frames]),
            "clips": self.clips,
            "frames": [asdict(frame) for frame in self.frames],
        }
        write_text_atomically(self.folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        self._saved_at = time.monotonic()

    def finish(self) -> None:
        """Write the manifest and draw what was kept."""
        self.save()
        rows: list[tuple[str, list[Picture]]] = []
        for kind in (Verdict.SHARP, Verdict.BLURRY):
            shown = [frame for frame in self.frames if frame.kind == kind]
            chosen = spread(shown, _SHEET_COLUMNS * _SHEET_ROWS)
            pictures = [self._thumbnail(frame) for frame in chosen]
            for start in range(0, len(pictures), _SHEET_COLUMNS):
                row = pictures[start : start + _SHEET_COLUMNS]
                rows.append((f"{kind}: {len(shown)} frames" if start == 0 else "", row))
        if rows:
            write_picture(self.folder / SHEET, contact_sheet(rows))

    def read(self, frame: KeptFrame) -> Picture:
        """Pixels of a kept frame, uint8 (H, W, 3) RGB."""
        path = self.folder / frame.file
        picture = read_picture(path) if path.is_file() else None
        if picture is None:
            raise CalibrationError(f"{path} cannot be read; record again")
        return picture

    def _distance_s(self, frame: KeptFrame, kind: Verdict) -> float:
        """How far in time a kept frame must be from one of this kind."""
        return self.rule.spacing_s if frame.kind == kind else self.rule.apart_s

    def _is_scarcer(self, kind: Verdict) -> bool:
        """Whether more is missing of this kind than of the other, for what is wanted."""
        missing = {
            Verdict.SHARP: self.wanted(Verdict.SHARP) / self.rule.sharp,
            Verdict.BLURRY: self.wanted(Verdict.BLURRY) / self.rule.blurry,
        }
        other = Verdict.SHARP if kind is Verdict.BLURRY else Verdict.BLURRY
        return missing[kind] > missing[other]

    def _give_up(self, frames: list[KeptFrame]) -> None:
        """Drop frames of the commoner kind that stand too near to a rarer one."""
        if not frames:
            return
        self.frames = [frame for frame in self.frames if frame not in frames]
        self.save()  # first the manifest, then the files that it no longer names
        for frame in frames:
            (self.folder / frame.file).unlink()

    def _is_duplicate(self, kind: Verdict, pixels: Picture) -> bool:
        last = self._last.get(kind)
        if last is None or last.shape != pixels.shape:
            return False
        return float(cv2.absdiff(last, pixels).mean()) < self.rule.min_difference

    def _keep(self, clip: str, at_s: float, pixels: Picture, judgement: Judgement) -> None:
        if shutil.disk_usage(self.folder).free < _MIN_FREE_BYTES:
            self.save()
            raise CalibrationError(
                f"the disk of {self.folder} has less than {_MIN_FREE_BYTES >> 20} MiB left; what "
                "was recorded is kept. Make room, and run the same command again to go on"
            )
        kind = judgement.verdict
        self._number += 1
        path = self.folder / kind / f"{self._number:06d}.png"
        encoded, data = cv2.imencode(".png", pixels[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 3])
        assert encoded
        content = data.tobytes()
        write_atomically(path, lambda temporary: temporary.write_bytes(content))
        self._last[kind] = pixels
        self.frames.append(
            KeptFrame(
                file=path.relative_to(self.folder).as_posix(),
                sha256=hashlib.sha256(content).hexdigest(),
                kind=kind,
                clip=clip,
                at_s=round(at_s, 4),
                acuity=round(judgement.acuity, 4),
                region=_bounds(judgement.region),
                noise=round(noise_level(pixels), 3),
                brightness=round(float(pixels.mean()), 2),
            )
        )
        if time.monotonic() - self._saved_at > _SAVE_EVERY_S:
            self.save()

    def _load(self) -> None:
        path = self.folder / MANIFEST
        if not path.exists():
            self._check_is_free()
            return
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if manifest["format"] != FORMAT:
                raise ValueError(f"format {manifest['format']}")
            self.frames = [kept_frame(entry) for entry in manifest["frames"]]
            self.clips = dict(manifest.get("clips", {}))  # older ones do not tell
            self._identity = manifest.get("identity", self._identity)
            numbers = [int(Path(frame.file).stem) for frame in self.frames]
        except (AttributeError, OSError, ValueError, KeyError, TypeError) as error:
            raise CalibrationError(
                f"{path} is no recording's manifest ({type(error).__name__}: {error}); record "
                "again into another folder"
            ) from None
        self._number = max(numbers, default=-1)
        for frame in self.frames:
            file = self.folder / frame.file
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != frame.sha256:
                raise CalibrationError(
                    f"{file} is missing or damaged; record again into another folder"
                )

    def _check_is_free(self) -> None:
        """Nothing that is there would be overwritten."""
        for pattern in (f"{Verdict.SHARP}/*", f"{Verdict.BLURRY}/*", SHEET):
            if (file := next(self.folder.glob(pattern), None)) is not None:
                raise CalibrationError(
                    f"{file} is there already, and {self.folder} holds no recording that it could "
                    f"belong to (no {MANIFEST}); record into another folder"
                )

    def _thumbnail(self, frame: KeptFrame) -> Picture:
        picture = self.read(frame)
        left, top, width, height = frame.region
        cv2.rectangle(picture, (left, top), (left + width, top + height), (255, 200, 0), 2)
        scale = _SHEET_PX / max(picture.shape[:2])
        size = round(scale * picture.shape[1]), round(scale * picture.shape[0])
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _bounds(region: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels of the box around the marked tiles."""
    rows, columns = np.nonzero(region)
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    return TILE_PX * left, TILE_PX * top, TILE_PX * width, TILE_PX * height


def _median(values: list[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None
