from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.capture.clock import Timeline


def test_file_keeps_its_own_times() -> None:
    timeline = Timeline(own_clock=False)
    times = [5.0, 5.04, 5.04, 7.5, 100.0]
    assert [timeline.at(t, 0) for t in times] == times


def test_joined_clips_go_on_where_the_first_ended() -> None:
    timeline = Timeline(own_clock=False)
    times = [timeline.at(t, 0) for t in (0.0, 0.1, 0.2, 0.0, 0.1)]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_live_source_begins_at_zero_and_keeps_its_own_intervals() -> None:
    timeline = Timeline(own_clock=True)
    times = [timeline.at(90_000 + t, round((t + late) * 1e9)) for t, late in
             ((0.0, 0.0), (0.1, 0.04), (0.2, 0.01))]  # fmt: skip
    assert times == pytest.approx([0.0, 0.1, 0.2])


def test_time_goes_on_across_a_reconnection() -> None:
    timeline = Timeline(own_clock=True)
    timeline.at(7.0, 0)
    timeline.reopened()
    assert timeline.at(0.0, 9_000_000_000) == pytest.approx(9.0)


def test_live_timestamps_that_jump_give_way_to_the_time_of_capture() -> None:
    timeline = Timeline(own_clock=True)
    stamps = [0.0, 0.1, 500.0, 500.1, 0.0, 0.1]
    times = [timeline.at(pts, number * 100_000_000) for number, pts in enumerate(stamps)]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_backlog_that_comes_at_once_does_not_make_time_run_fast() -> None:
    timeline = Timeline(own_clock=True)
    stamps = [number / 15 for number in range(60)]  # a dark room; then there is light
    stamps += [4 + number / 30 for number in range(30 * 60)]
    captured_s = [max(0.0005 * number, pts - 4) for number, pts in enumerate(stamps)]
    times = [timeline.at(pts, round(at * 1e9)) for pts, at in zip(stamps, captured_s, strict=True)]
    assert times[:29] == pytest.approx(stamps[:29])
    assert times[-1] - captured_s[-1] == pytest.approx(2.0, abs=0.01)
    live = [b - a for a, b in pairwise(times[62:])]
    assert live == pytest.approx([1 / 30] * len(live))


@pytest.mark.parametrize("rate", [0.5, 0.99, 1.0, 1.01, 2.0])
def test_clock_of_another_rate_stays_within_two_seconds_of_capture(rate: float) -> None:
    timeline = Timeline(own_clock=True)
    captured_s = [number / 10 for number in range(6000)]
    times = [timeline.at(at * rate, round(at * 1e9)) for at in captured_s]
    assert times == pytest.approx(captured_s, abs=2.001)
    assert max(b - a for a, b in pairwise(times)) == pytest.approx(0.1, abs=0.11)


@given(
    st.booleans(),
    st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(0, 100)), min_size=2, max_size=30),
)
def test_time_never_goes_back(own_clock: bool, stamps: list[tuple[float, float]]) -> None:
    timeline = Timeline(own_clock)
    times = [timeline.at(pts, round(at * 1e9)) for pts, at in stamps]
    assert times == sorted(times)
