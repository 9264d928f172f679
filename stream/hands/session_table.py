"""The landmarks of a session as a table: a row a frame and picture. Its columns, and reading it."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream.errors import StreamError
from stream.hands.landmarks import LANDMARKS, MIDDLE_MCP, WRIST

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

_MEASURED = ("time_s", "side_score", "blur", "jump_palms", "bone_change")


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
        blur: (N,) of the whole frame, see :func:`stream.blur.blur_measure`. (By earlier versions of
            the hand's surroundings while it was followed and they alone were deblurred.)
        jump_palms, bone_change: (N,).
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


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table, one by one: an hour's are some gigabytes as text.

    A last one that was cut off is left out, and none is in an empty file.

    Raises:
        StreamError: it cannot be read, or is no such table.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = file.readline()
            if head and tuple(head.removesuffix("\n").split(",")) != COLUMNS:
                raise StreamError(f"{path} is not a table of landmarks of this version")
            for line in file:
                if not line.endswith("\n"):
                    return
                cells = line.removesuffix("\n").split(",")
                if cells == [""]:
                    continue
                if len(cells) != len(COLUMNS):
                    raise _damaged(path, f"a row has not {len(COLUMNS)} columns")
                yield dict(zip(COLUMNS, cells, strict=True))
    except OSError as error:
        raise StreamError(f"{path} cannot be read: {error.strerror}") from None


def read_trajectories(path: Path) -> dict[Picture, Trajectory]:
    """What a table holds, of each picture that has rows in it.

    Raises:
        StreamError: it cannot be read, is no such table, or is damaged.
    """
    found: dict[str, _Rows] = {picture: _Rows() for picture in PICTURES}
    try:
        for row in read_rows(path):
            if row["picture"] not in found:
                raise ValueError(f"{row['picture']!r} is neither of {', '.join(PICTURES)}")
            found[row["picture"]].add(row)
        return {p: found[p].trajectory(p) for p in PICTURES if found[p].sequence}
    except (ValueError, OverflowError) as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, problem: str) -> StreamError:
    """What is said of a table that was written by something else."""
    return StreamError(f"{path} is damaged: {problem}; take it from a copy")


class _Rows:
    """One picture's rows, eight bytes a number while they are read."""

    def __init__(self) -> None:
        self.sequence = array("q")
        self._detected = array("b")
        self._bypassed = array("b")
        self._numbers = array("d")

    def add(self, row: dict[str, str]) -> None:
        """Raises ValueError or OverflowError where a value is not a number, or none that fits."""
        self.sequence.append(int(row["sequence"]))
        self._detected.append(int(row["detected"]))
        self._bypassed.append(int(row["bypassed"]))
        self._numbers.extend([float(row[c] or "nan") for c in (*_MEASURED, *POINTS, *WORLD)])

    def trajectory(self, picture: Picture) -> Trajectory:
        """Raises ValueError where a value is infinite, or a frame has no time."""
        numbers = np.asarray(self._numbers).reshape(len(self.sequence), -1)
        measured, points, world = np.split(
            numbers, [len(_MEASURED), len(_MEASURED) + len(POINTS)], axis=1
        )
        if np.isinf(numbers).any():
            raise ValueError("a value is infinite")
        columns = dict(zip(_MEASURED, measured.T, strict=True))
        if np.isnan(columns["time_s"]).any():
            raise ValueError("a frame has no time")
        return Trajectory(
            picture=picture,
            sequence=np.asarray(self.sequence),
            detected=np.asarray(self._detected, bool),
            bypassed=np.asarray(self._bypassed, bool),
            points=points.reshape(-1, len(LANDMARKS), 3),
            world=world.reshape(-1, len(LANDMARKS), 3),
            **columns,
        )


def median_rate(time_s: NDArray[np.float64]) -> float:
    """Frames a second of frames that follow each other, from the median step; 0 without a step."""
    steps = np.diff(time_s)
    return float(1 / np.median(steps)) if len(steps) and np.median(steps) > 0 else 0.0
