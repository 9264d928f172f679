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


@given(
    st.booleans(),
    st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(0, 100)), min_size=2, max_size=30),
)
def test_time_never_goes_back(own_clock: bool, stamps: list[tuple[float, float]]) -> None:
    timeline = Timeline(own_clock)
    times = [timeline.at(pts, round(at * 1e9)) for pts, at in stamps]
    assert times == sorted(times)
