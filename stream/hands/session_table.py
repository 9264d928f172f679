"""The landmarks of a session as a table: a row a frame and picture, written as they come.

It is CSV, because half a file of it is still a file. Numbers are rounded once, when they are
written, so that every other format that is made of it holds the same ones.
"""

import csv
import io
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream.errors import StreamError
from stream.hands.landmarks import LANDMARKS, MIDDLE_MCP, WRIST, Hand, TrackedFrame, palm_length

Picture = Literal["raw", "deblurred"]
PICTURES: tuple[Picture, ...] = ("raw", "deblurred")

FILE_NAME = "landmarks.csv"
FACTS = (
    "sequence",
    "time_s",
    "picture",
    "detected",
    "side",
    "side_score",
    "blur",
    "bypassed",
    "jump_palms",
    "bone_change",
)
POINTS = tuple(f"{name}_{axis}_px" for name in LANDMARKS for axis in "xyz")
WORLD = tuple(f"{name}_{axis}_m" for name in LANDMARKS for axis in "xyz")
COLUMNS = (*FACTS, *POINTS, *WORLD)

_NUMBERS = ",".join(["%.3f"] * len(POINTS) + ["%.6f"] * len(WORLD))
_FLUSH_S = 0.5
_MEDIAN_OF = 100


class SessionWriter:
    """Appends rows to a session's table. Called from one thread.

    What was given to it more than half a second ago survives a crash and a kill.

    Raises:
        StreamError: the file cannot be written; what was written stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows = 0
        with self._failing_clearly():
            self._file = path.open("x", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(COLUMNS)
        self._quality = {picture: _Quality() for picture in PICTURES}
        self._flushed_at = 0.0

    def write(self, tracked: TrackedFrame, time_s: float) -> None:
        """Add what was found in one frame, ``time_s`` after the beginning."""
        with self._failing_clearly():
            for picture in PICTURES:
                hands = tracked.raw if picture == "raw" else tracked.deblurred
                if hands is not None:
                    hand = hands[0] if hands else None
                    jump, change = self._quality[picture].of(hand)
                    self._writer.writerow(_row(tracked, time_s, picture, hand, jump, change))
                    self.rows += 1
            now = time.monotonic()
            if now - self._flushed_at > _FLUSH_S:
                self._flushed_at = now
                self._flush()

    def pause(self) -> None:
        """Nothing is written for a while, in which the hand may go anywhere without a jump."""
        for quality in self._quality.values():
            quality.forget_place()

    def close(self) -> None:
        """The file is closed even where the last of it cannot be written."""
        with self._failing_clearly(), self._file:
            self._flush()

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    @contextmanager
    def _failing_clearly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StreamError(
                f"{self._path} cannot be written: {error.strerror}; "
                "what was recorded until now stays"
            ) from None


class _Quality:
    """How much a hand jumped since it was last seen, and how much its bones changed.

    A tracker that guesses shows in both: hands do not leap, and bones do not grow.
    """

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._sizes: list[float] = []

    def of(self, hand: Hand | None) -> tuple[float | None, float | None]:
        if hand is None:
            return None, None
        jump = None
        if self._last is not None:
            step = np.linalg.norm((hand.points - self._last)[:, :2].mean(0))
            jump = float(step) / max(1.0, hand.palm_px)
        self._last = hand.points
        size = palm_length(hand.world)
        self._sizes = [*self._sizes[1 - _MEDIAN_OF :], size]
        return jump, size / max(1e-6, statistics.median(self._sizes)) - 1

    def forget_place(self) -> None:
        self._last = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Trajectory:
    """One picture's rows as arrays; NaN where a hand is missing, or a figure not known.

    Attributes:
        picture: in which the hand was looked for.
        sequence: (N,) frame numbers of the source; gaps are frames that were not tracked.
        time_s: (N,) since the beginning.
        detected: (N,).
        side_score: (N,) how sure the tracker was of the side that is filmed, 0...1; below 0.5 it
            took the hand for the other one.
        bypassed: (N,) the deblurred picture was the captured one.
        points: (N, 21, 3) pixels.
        world: (N, 21, 3) metres.
        blur, jump_palms, bone_change: (N,).
    """

    picture: Picture
    sequence: NDArray[np.int64]
    time_s: NDArray[np.float64]
    detected: NDArray[np.bool_]
    side_score: NDArray[np.float64]
    bypassed: NDArray[np.bool_]
    points: NDArray[np.float64]
    world: NDArray[np.float64]
    blur: NDArray[np.float64]
    jump_palms: NDArray[np.float64]
    bone_change: NDArray[np.float64]

    @property
    def estimated(self) -> bool:
        """It rests on frames that an engine made."""
        return self.picture == "deblurred" and not self.bypassed.all()

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def median_palm_px(self) -> float:
        """Of the frames with the hand; NaN where there is none."""
        palms = self.points[self.detected][:, MIDDLE_MCP] - self.points[self.detected][:, WRIST]
        return float(np.median(np.linalg.norm(palms[:, :2], axis=1))) if len(palms) else np.nan

    def first(self, count: int) -> "Trajectory":
        """The first so many frames."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "picture"}
        return Trajectory(picture=self.picture, **{k: v[:count] for k, v in arrays.items()})


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table; a last one that was cut off is left out, and none is in an empty file.

    Raises:
        StreamError: it cannot be read, or is no such table.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise StreamError(f"{path} cannot be read: {error.strerror}") from None
    if not text:  # cut off before anything was written
        return []
    whole = text[: text.rfind("\n") + 1]
    reader = csv.DictReader(io.StringIO(whole))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise StreamError(f"{path} is not a table of landmarks of this version")
    rows = list(reader)
    if any(None in row or None in row.values() for row in rows):
        raise StreamError(f"{path} is damaged: a row has not {len(COLUMNS)} columns")
    return rows


def trajectory(rows: list[dict[str, str]], picture: Picture) -> Trajectory:
    """The rows of one picture.

    Raises:
        ValueError: a value is not a number, or a frame has no time.
    """
    mine = [row for row in rows if row["picture"] == picture]
    time_s = _numbers(mine, ("time_s",))[:, 0]
    if np.isnan(time_s).any():
        raise ValueError("a frame has no time")
    return Trajectory(
        picture=picture,
        sequence=np.array([int(row["sequence"]) for row in mine], np.int64),
        time_s=time_s,
        detected=np.array([row["detected"] == "1" for row in mine], bool),
        side_score=_numbers(mine, ("side_score",))[:, 0],
        bypassed=np.array([row["bypassed"] == "1" for row in mine], bool),
        points=_numbers(mine, POINTS).reshape(-1, len(LANDMARKS), 3),
        world=_numbers(mine, WORLD).reshape(-1, len(LANDMARKS), 3),
        blur=_numbers(mine, ("blur",))[:, 0],
        jump_palms=_numbers(mine, ("jump_palms",))[:, 0],
        bone_change=_numbers(mine, ("bone_change",))[:, 0],
    )


def median_rate(time_s: NDArray[np.float64]) -> float:
    """Frames a second of frames that follow each other, from the median step; 0 without a step."""
    steps = np.diff(time_s)
    return float(1 / np.median(steps)) if len(steps) and np.median(steps) > 0 else 0.0


def _numbers(rows: list[dict[str, str]], columns: tuple[str, ...]) -> NDArray[np.float64]:
    values = [[float(row[column] or "nan") for column in columns] for row in rows]
    numbers = np.array(values, np.float64).reshape(len(rows), len(columns))
    if np.isinf(numbers).any():
        raise ValueError("a value is infinite")
    return numbers


def _row(
    tracked: TrackedFrame,
    time_s: float,
    picture: str,
    hand: Hand | None,
    jump: float | None,
    change: float | None,
) -> list[str]:
    facts = [
        str(tracked.sequence),
        f"{time_s:.6f}",
        picture,
        "1" if hand is not None else "0",
        hand.side if hand is not None else "",
        _decimal(None if hand is None else hand.side_score, 3),
        _decimal(tracked.blur, 4),
        "1" if tracked.bypassed else "0",
        _decimal(jump, 4),
        _decimal(change, 4),
    ]
    if hand is None:
        return [*facts, *[""] * (len(POINTS) + len(WORLD))]
    numbers = *hand.points.ravel().tolist(), *hand.world.ravel().tolist()
    return [*facts, *(_NUMBERS % numbers).split(",")]


def _decimal(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
