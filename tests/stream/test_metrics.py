import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.frame import Frame, ProcessedFrame
from stream.metrics import Histogram, Ledger
from stream.statistics import process_start_ns, start_told_by


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=300), st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_agree_with_numpy_to_one_percent(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = np.percentile(values, 100 * share, method="inverted_cdf")
    assert histogram.percentile_ms(share) == pytest.approx(exact, rel=0.0101)
    assert histogram.percentiles()["max"] == pytest.approx(max(values), abs=1e-3)


def test_empty_histogram_is_zero() -> None:
    assert Histogram().percentiles() == {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}


def processed(captured_ms: float, posted: float, taken: float, finished: float) -> ProcessedFrame:
    pixels = np.zeros((2, 2, 3), np.uint8)
    frame = Frame(
        pixels=pixels,
        source="s",
        sequence=0,
        pts_s=0.0,
        captured_ns=round(captured_ms * 1e6),
        posted_ns=round(posted * 1e6),
    )
    return ProcessedFrame(
        captured=frame,
        pixels=pixels,
        bypassed=True,
        blur=None,
        taken_ns=round(taken * 1e6),
        finished_ns=round(finished * 1e6),
    )


def test_each_stage_is_the_time_between_its_stamps() -> None:
    ledger = Ledger()
    ledger.count_captured(0)
    ledger.count_output(processed(100, 103, 110, 130), handed_ns=131_000_000)
    p50 = {stage: values["max"] for stage, values in ledger.latency_ms().items()}
    assert p50 == {"capture": 3, "wait": 7, "engine": 20, "output": 1, "age": 31}
    assert (ledger.output, ledger.bypassed, ledger.in_flight) == (1, 1, 0)


def test_rate_is_of_intervals_not_of_frames() -> None:
    ledger = Ledger()
    for number in range(11):
        ledger.count_output(processed(0, 0, 0, 0), handed_ns=1_000_000_000 + number * 100_000_000)
    assert ledger.fps_output == pytest.approx(10.0)


@pytest.mark.parametrize(("handed_ns", "fps"), [([20, 10], 1e8), ([10, 10], 0.0), ([10], 0.0)])
def test_rate_is_told_of_stamps_in_any_order(handed_ns: list[int], fps: float) -> None:
    ledger = Ledger()
    for stamp_ns in handed_ns:
        ledger.count_output(processed(0, 0, 0, 0), stamp_ns)
    assert ledger.fps_output == pytest.approx(fps)


def test_drops_are_counted_by_cause() -> None:
    ledger = Ledger()
    for cause in ("engine_busy", "engine_busy", "stopped"):
        ledger.count_captured(0)
        ledger.count_dropped(cause)
    ledger.count_captured(0)
    assert ledger.dropped == {"engine_busy": 2, "stopped": 1}
    assert ledger.in_flight == 1


def test_process_started_before_now() -> None:
    age_s = (time.perf_counter_ns() - process_start_ns()) / 1e9
    assert 0 <= age_s < 3600


def test_start_is_when_it_is_asked_for_where_the_system_does_not_tell(tmp_path: Path) -> None:
    before_ns = time.perf_counter_ns()
    assert before_ns <= start_told_by(tmp_path / "no-such-file") <= time.perf_counter_ns()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="the start is told on Linux only")
def test_start_stays_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    awake, clock = process_start_ns(), time.clock_gettime
    monkeypatch.setattr("time.clock_gettime", lambda which: clock(which) + 3600.0)
    assert process_start_ns() == awake
