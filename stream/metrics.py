"""From stamps to latencies: histograms of bounded size, and the ledger that accounts for frames."""

import math
from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import TypedDict

from stream.frame import ProcessedFrame

STAGES = ("capture", "wait", "engine", "output", "age")
"""capture: captured to decoded and posted; wait: posted to taken by the engine; engine: taken to
finished; output: finished to handed over at the first output; age: captured to handed over."""


class Percentiles(TypedDict):
    """Latencies in milliseconds."""

    p50: float
    p95: float
    p99: float
    max: float


class Histogram:
    """Durations in bins of 1 % width from 1 µs to 1000 s: any number of them in fixed memory."""

    _LOWEST_MS = 1e-3
    _LOG_STEP = math.log(1.01)
    _BINS = math.ceil(math.log(1e9) / _LOG_STEP) + 1

    def __init__(self) -> None:
        self._counts = [0] * self._BINS
        self.count = 0
        self.max_ms = 0.0

    def add(self, duration_ms: float) -> None:
        ratio = max(duration_ms / self._LOWEST_MS, 1.0)
        self._counts[min(int(math.log(ratio) / self._LOG_STEP), self._BINS - 1)] += 1
        self.count += 1
        self.max_ms = max(self.max_ms, duration_ms)

    def percentile_ms(self, share: float) -> float:
        """The duration that ``share`` (0...1) of all do not exceed, to 1 %; 0 where empty."""
        seen, wanted = 0, share * self.count
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                upper_edge = self._LOWEST_MS * math.exp((index + 1) * self._LOG_STEP)
                return min(upper_edge, self.max_ms)
        return 0.0

    def percentiles(self) -> Percentiles:
        p50, p95, p99 = (round(self.percentile_ms(q), 3) for q in (0.5, 0.95, 0.99))
        return Percentiles(p50=p50, p95=p95, p99=p99, max=round(self.max_ms, 3))


class Ledger:
    """Where every captured frame went. Safe to use from all threads.

    ``captured = output + dropped (by cause) + in flight`` at all times: a frame leaves flight by
    being output or dropped, once.

    Args:
        whole: the ledger of the whole run, which counts what this one of a source counts.
    """

    def __init__(self, whole: "Ledger | None" = None) -> None:
        self._whole = whole
        self._lock = Lock()
        self._stages = {stage: Histogram() for stage in STAGES}
        self._dropped: Counter[str] = Counter()
        self.captured = 0
        self.output = 0
        self.bypassed = 0
        self.first_captured_ns: int | None = None
        self._first_handed_ns: int | None = None
        self._last_handed_ns = 0

    def count_captured(self, captured_ns: int) -> None:
        if self._whole is not None:
            self._whole.count_captured(captured_ns)
        with self._lock:
            self.captured += 1
            if self.first_captured_ns is None:
                self.first_captured_ns = captured_ns

    def count_dropped(self, cause: str) -> None:
        if self._whole is not None:
            self._whole.count_dropped(cause)
        with self._lock:
            self._dropped[cause] += 1

    def count_output(self, frame: ProcessedFrame, handed_ns: int) -> None:
        """A frame reached an output at ``handed_ns``."""
        if self._whole is not None:
            self._whole.count_output(frame, handed_ns)
        captured = frame.captured
        edges = (
            captured.captured_ns,
            captured.posted_ns,
            frame.taken_ns,
            frame.finished_ns,
            handed_ns,
        )
        with self._lock:
            self.output += 1
            self.bypassed += frame.bypassed
            for stage, start, end in zip(STAGES, edges, edges[1:], strict=False):
                self._stages[stage].add((end - start) / 1e6)
            self._stages["age"].add((handed_ns - captured.captured_ns) / 1e6)
            # Outputs hand over in threads of their own, and may count in another turn.
            self._first_handed_ns = min(self._first_handed_ns or handed_ns, handed_ns)
            self._last_handed_ns = max(self._last_handed_ns, handed_ns)

    @property
    def first_handed_ns(self) -> int | None:
        return self._first_handed_ns

    @property
    def dropped(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._dropped)

    @property
    def in_flight(self) -> int:
        with self._lock:
            return self.captured - self.output - sum(self._dropped.values())

    @property
    def fps_output(self) -> float:
        """Frames a second between the first and the last one handed over."""
        with self._lock:
            between_ns = self._last_handed_ns - (self._first_handed_ns or 0)
            return (self.output - 1) / (between_ns / 1e9) if self.output > 1 and between_ns else 0.0

    def latency_ms(self) -> dict[str, Percentiles]:
        """Of each stage; empty before the first frame is output, as nothing is known then."""
        with self._lock:
            return {stage: seen.percentiles() for stage, seen in self._stages.items() if seen.count}
