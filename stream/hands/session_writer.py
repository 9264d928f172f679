"""Writes the landmarks of a session into its table as they come.

It is CSV, because half a file of it is still a file. Numbers are rounded once, when they are
written, so that every other format that is made of it holds the same ones.
"""

import csv
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.errors import StreamError
from stream.hands.landmarks import Hand, TrackedFrame, palm_length
from stream.hands.session_table import COLUMNS, PICTURES, POINTS, WORLD

_NUMBERS = ",".join(["%.3f"] * len(POINTS) + ["%.6f"] * len(WORLD))
_FLUSH_S = 0.5
_MEDIAN_OF = 100


class SessionWriter:
    """Appends rows to a session's table. Called from one thread.

    What was given to it more than half a second before the newest row survives a crash and a kill,
    and all of it once a pause has begun. In an outage of the source the last half second before it
    waits for the next frame.

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
        self._flushed_rows = 0

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
            if time.monotonic() - self._flushed_at > _FLUSH_S:
                self._flush()

    def pause(self) -> None:
        """Nothing is written for a while, in which the hand may go anywhere without a jump.

        May be called for each frame of it.
        """
        for quality in self._quality.values():
            quality.forget_place()
        if self._flushed_rows < self.rows:
            with self._failing_clearly():
                self._flush()

    def close(self) -> None:
        """The file is closed even where the last of it cannot be written."""
        with self._failing_clearly(), self._file:
            self._flush()

    def _flush(self) -> None:
        self._flushed_at, self._flushed_rows = time.monotonic(), self.rows
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
