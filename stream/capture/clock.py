"""When a picture was captured, as early as its source lets us know, and timestamps that go on."""

import math
import time
from typing import Protocol

_MAX_DRIVER_DELAY_NS = 2_000_000_000
_REMEMBERED = 256
_MAX_LEAP_S = 2.0
_FIRST_PERIOD_S = 1 / 30
LONGEST_SEGMENT_S = 10.0
"""Of live streams that come in segments, as is customary."""
_WAIT_NS = 100_000_000
"""A packet that is later has been waited for; a busy machine is as late as that."""
_CATCHING_UP = 1.1


class CaptureClock(Protocol):
    """Told of each packet before it is decoded, asked for each picture after."""

    def packet(self, pts_s: float | None, dts_s: float | None) -> None:
        """A packet has arrived; may wait, to play a file at its own rate."""
        ...

    def captured_ns(self, pts_s: float | None) -> int:
        """``perf_counter_ns`` of the capture of the picture with this pts."""
        ...


class ArrivalClock:
    """A picture was captured when its packet arrived here, so decoding counts as latency."""

    def __init__(self) -> None:
        self._arrivals: dict[float | None, int] = {}

    def packet(self, pts_s: float | None, dts_s: float | None) -> None:
        if len(self._arrivals) > _REMEMBERED:  # packets that never became pictures
            self._arrivals.clear()
        self._arrivals[pts_s] = time.perf_counter_ns()

    def captured_ns(self, pts_s: float | None) -> int:
        return self._arrivals.pop(pts_s, None) or time.perf_counter_ns()


class DriverClock(ArrivalClock):
    """The driver's stamp where it is of the monotonic clock (V4L2's default), else the arrival.

    ``perf_counter_ns`` is that clock on Linux. A stamp that lies in the future or more than two
    seconds back is of another clock.
    """

    def captured_ns(self, pts_s: float | None) -> int:
        arrived_ns = super().captured_ns(pts_s)
        if pts_s is None:
            return arrived_ns
        stamped_ns = round(pts_s * 1e9)
        delay_ns = arrived_ns - stamped_ns
        return stamped_ns if 0 <= delay_ns <= _MAX_DRIVER_DELAY_NS else arrived_ns


class PlaybackClock:
    """A file played as if a camera took it now: a picture is captured when its pts is due.

    A packet is let through when its dts is due, so that its decoding counts as latency as it does
    with a camera; a picture that a B-frame stream decodes ahead of its time is held back. Where the
    pictures' timestamps go back, as where two clips were joined, or leap by more than two seconds,
    and more than twice as far as before, it plays on without a break. That is decided where the
    pictures come, in their order: packets of B-frames from before and behind a leap come mixed.
    """

    def __init__(self) -> None:
        self._start: tuple[int, float] | None = None  # a time of the clock, and its timestamp
        self._last_s: float | None = None
        self._step_s = self._period_s = _FIRST_PERIOD_S
        self._due_ns = 0
        self._rate = 1.0

    def packet(self, pts_s: float | None, dts_s: float | None) -> None:
        shown_s = dts_s if pts_s is None else pts_s
        if shown_s is None:
            return
        if self._start is None:
            self._start = time.perf_counter_ns(), shown_s
        # Matroska does not tell it of the first packets: they pass at once, as do those of a leap.
        if dts_s is not None and not self._leaps(dts_s):
            _sleep_until(self._due(self._start, dts_s))

    def captured_ns(self, pts_s: float | None) -> int:
        if pts_s is None or self._start is None:
            return time.perf_counter_ns()
        if self._last_s is not None:
            step_s = pts_s - self._last_s
            if step_s < 0 or self._leaps(pts_s):
                self._start = self._due_ns + round(self._period_s * 1e9), pts_s
            elif step_s > 0:
                self._period_s = step_s
            self._step_s = step_s
        self._last_s = pts_s
        self._due_ns = self._due(self._start, pts_s)
        _sleep_until(self._due_ns)
        return self._due_ns

    def _leaps(self, at_s: float) -> bool:
        """Whether it is further ahead of the last picture than a clip's own rate explains."""
        last_s = self._last_s
        if last_s is None:
            assert self._start is not None
            last_s = self._start[1]
        return at_s - last_s > max(_MAX_LEAP_S, 2 * self._step_s)

    def _due(self, start: tuple[int, float], at_s: float) -> int:
        start_ns, first_s = start
        return start_ns + round((at_s - first_s) / self._rate * 1e9)


class SegmentClock(PlaybackClock):
    """Live video that comes in segments of seconds, each all at once, played at its own rate.

    A picture counts as captured when it is due: how long its sender kept it is not known. Where a
    segment has to be waited for, all from there on is due later. Where none had to be for as long
    as the longest lasts, newer ones may be there: it plays a tenth faster, until one has to be.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waited_ns = time.perf_counter_ns()

    def packet(self, pts_s: float | None, dts_s: float | None) -> None:
        if self._start is not None and dts_s is not None:
            self._adapt(self._start, dts_s)
        super().packet(pts_s, dts_s)

    def _adapt(self, start: tuple[int, float], at_s: float) -> None:
        now_ns, due_ns = time.perf_counter_ns(), self._due(start, at_s)
        if due_ns < now_ns:
            self._start = now_ns, at_s
        if now_ns - due_ns > _WAIT_NS:
            self._waited_ns, self._rate = now_ns, 1.0
        elif self._rate == 1.0 and now_ns - self._waited_ns > LONGEST_SEGMENT_S * 1e9:
            self._start, self._rate = (max(due_ns, now_ns), at_s), _CATCHING_UP


def _sleep_until(due_ns: int) -> None:
    now_ns = time.perf_counter_ns()
    if due_ns > now_ns:
        time.sleep((due_ns - now_ns) / 1e9)


class Timeline:
    """Timestamps of one source that only go forward.

    A source with its own clock begins at 0 and its time goes on across reconnections. Where its
    timestamps go back, or leap ahead by more than two seconds, the time of capture leads;
    where they leave it bit by bit, as in a backlog that comes at once or by a clock that runs fast,
    they are held to within two seconds of it. A file keeps its own timestamps until they go back,
    as where two clips were joined.
    """

    _MAX_DEPARTURE_S = 2.0
    _MIN_STEP_S = 0.0001
    """Between pictures that come too fast to keep their own intervals."""

    def __init__(self, own_clock: bool) -> None:
        self._own_clock = own_clock
        self._first_captured_ns: int | None = None
        self._offset_s: float | None = None if own_clock else 0.0
        self._last_s = float("-inf")
        self._period_s = _FIRST_PERIOD_S

    def reopened(self) -> None:
        """The source was opened (again): its timestamps may begin anywhere."""
        if self._own_clock:
            self._offset_s = None

    def at(self, pts_s: float, captured_ns: int) -> float:
        """The timestamp of a picture in seconds."""
        if self._first_captured_ns is None:
            self._first_captured_ns = captured_ns
        since_first_s = (captured_ns - self._first_captured_ns) / 1e9
        if self._offset_s is None:
            self._offset_s = since_first_s - pts_s
        moved_s = pts_s + self._offset_s
        if 0 < moved_s - self._last_s < self._MAX_DEPARTURE_S:
            self._period_s = moved_s - self._last_s
        if self._own_clock:
            moved_s = self._held(moved_s, since_first_s)
        elif moved_s < self._last_s:
            moved_s = self._last_s + self._period_s
        self._offset_s = moved_s - pts_s
        self._last_s = moved_s
        return moved_s

    def _held(self, moved_s: float, since_first_s: float) -> float:
        """The timestamp, or one that is nearer to the time of capture."""
        step_s, ahead_s = moved_s - self._last_s, moved_s - since_first_s
        if step_s < 0 or min(step_s, ahead_s) > self._MAX_DEPARTURE_S:
            return max(since_first_s, self._last_s + self._period_s)
        if abs(ahead_s) <= self._MAX_DEPARTURE_S:
            return moved_s
        held_s = since_first_s + math.copysign(self._MAX_DEPARTURE_S, ahead_s)
        return max(held_s, self._last_s + self._MIN_STEP_S)
