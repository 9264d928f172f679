"""Writes down what the tracker finds, from the countdown to the end."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock

from stream.capture.worker import MIN_STALL_S
from stream.hands.landmarks import TrackedFrame
from stream.hands.session import Task, utc_now
from stream.hands.session_table import FILE_NAME
from stream.hands.session_writer import SessionWriter

INSTRUCTIONS: dict[Task, str] = {
    "finger-tapping": "side-on, tap thumb and index finger together, as wide and fast as you can",
    "open-close": "open the hand wide, then close it to a fist, again and again",
    "reach": "reach across the picture to the target and come back, at your own speed",
    "rest": "rest the hand and leave it where it is",
    "free": "move as you like",
}


class SessionRecorder:
    """The table of one session, as it grows; paused and asked from other threads than it is fed.

    Args:
        folder: of the session; ``landmarks.csv`` in it is new.
        seconds: how long to record, without pauses and outages; None until it is ended.
        countdown_s: from the first frame on nothing is recorded for so long.
        note: called from the tracker's thread when the sidecar is to be written anew: before the
            first row, and before the first one after a pause or an outage.
        dropped: how many frames were dropped until now, by cause.

    Attributes:
        begun: wall clock at the first row, None before it.
        first_pts_s: of the first row's frame, None before it.
        captured: frames that the source gave from the first recorded one to the last, pauses left
            out.
        frames, with_hand, as_other_hand: recorded; with a hand; with one that the tracker took for
            the other one.
        pauses_s: from when to when nothing was recorded, in the table's time.
        outages_s: from when to when the source gave no frame for more than two seconds. Frames that
            came meanwhile and were not tracked make none: engine and tracker may be slow.
    """

    def __init__(
        self,
        folder: Path,
        task: Task,
        *,
        seconds: float | None,
        countdown_s: float,
        note: Callable[[], None] = lambda: None,
        dropped: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._writer = SessionWriter(folder / FILE_NAME)
        self._task = task
        self._seconds = seconds
        self._countdown_s = countdown_s
        self._note = note
        self._dropped_now = dropped
        self._dropped: Counter[str] = Counter()
        self._dropped_before: Counter[str] = Counter()
        self._lock = Lock()
        self._started_at: float | None = None
        self._last_s = 0.0
        self._paused = False
        self._in_pause = False
        self.begun: str | None = None
        self.first_pts_s: float | None = None
        self._last_sequence = 0
        self.captured = 0
        self.frames = 0
        self.with_hand = 0
        self.as_other_hand = 0
        self.pauses_s: list[list[float]] = []
        self.outages_s: list[list[float]] = []

    @property
    def recorded_s(self) -> float:
        """How long was recorded, without pauses and outages."""
        return self._last_s - _length_of(self.pauses_s) - self.outage_s

    @property
    def outage_s(self) -> float:
        """How long all outages were together."""
        return _length_of(self.outages_s)

    @property
    def dropped(self) -> Counter[str]:
        """Frames that were dropped since the first recorded one, by cause, pauses left out."""
        if self._in_pause or self.first_pts_s is None:
            return self._dropped
        return self._dropped + Counter(self._dropped_now()) - self._dropped_before

    def take(self, tracked: TrackedFrame) -> None:
        """From the tracker's thread.

        Raises:
            StreamError: the table or the sidecar cannot be written.
        """
        now = time.monotonic()
        self._started_at = self._started_at or now
        if now - self._started_at < self._countdown_s or self._over:
            return
        with self._lock:
            paused, was_paused = self._paused, self._in_pause
            first = self.first_pts_s is None
            if self.first_pts_s is None:
                if paused:
                    return
                self.begun, self.first_pts_s = utc_now(), tracked.pts_s
            time_s = tracked.pts_s - self.first_pts_s
            silent_s = self._silent_s(time_s, tracked.sequence)
            outage = silent_s > MIN_STALL_S and not paused
            if paused:
                if not was_paused:
                    self._dropped = self.dropped
                    self.pauses_s.append([self._last_s, time_s])
                self.pauses_s[-1][1] = time_s
            elif outage:
                self.outages_s.append([self._last_s, self._last_s + silent_s])
            if first or (was_paused and not paused):
                self._dropped_before = Counter(self._dropped_now())
            frames = tracked.sequence - self._last_sequence
            self._last_s, self._last_sequence, self._in_pause = time_s, tracked.sequence, paused
        if paused or outage:
            self._writer.pause()
        if paused:
            return
        if first or was_paused or outage:
            self._note()
        self._writer.write(tracked, time_s)
        self.captured += 1 if first or was_paused else frames
        self.frames += 1
        self.with_hand += bool(tracked.hands)
        self.as_other_hand += bool(tracked.hands) and tracked.hands[0].side_score < 0.5

    def _silent_s(self, time_s: float, sequence: int) -> float:
        """How long the source gave nothing since the last frame: without its frames at their pace.

        0 while that is not known.
        """
        if self.captured < 2:
            return 0.0
        usual_s = self.recorded_s / (self.captured - 1)
        return time_s - self._last_s - usual_s * (sequence - self._last_sequence)

    def holds(self, pts_s: float) -> bool:
        """Whether a frame belongs to what is recorded, also where the tracker has not had it yet.

        Not those of the countdown, of a pause, or after the end.
        """
        with self._lock:
            if self.first_pts_s is None:
                return False
            time_s = pts_s - self.first_pts_s
            if time_s > self._last_s:
                return not (self._paused or self._over)
            return time_s >= 0 and not any(a < time_s <= b for a, b in self.pauses_s)

    def toggle_pause(self) -> None:
        with self._lock:
            self._paused = not self._paused

    @property
    def _over(self) -> bool:
        return self._seconds is not None and self.recorded_s >= self._seconds

    @property
    def over(self) -> bool:
        """As much as was asked for has been recorded."""
        return self.begun is not None and self._over

    @property
    def banner(self) -> str:
        """What goes on, in a few words for the participant."""
        left_s = self._countdown_s
        if self._started_at is not None:
            left_s -= time.monotonic() - self._started_at
        if self.begun is None and left_s > 0:
            return f"get ready: {left_s:.0f} - {INSTRUCTIONS[self._task]}"
        if self._paused:
            return "PAUSED - space goes on"
        return f"REC {self.recorded_s:.1f} s - {INSTRUCTIONS[self._task]}"

    def close(self) -> None:
        """Raises StreamError where the last rows cannot be written; the table is closed anyway."""
        self._writer.close()


def _length_of(times_s: Sequence[Sequence[float]]) -> float:
    return sum(end - begin for begin, end in times_s)
