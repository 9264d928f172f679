import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.batching import Waiting, wait_more_ms


@pytest.mark.parametrize(
    ("waiting", "batch_wait_ms", "expected"),
    [
        (Waiting(1, 4, 0.0), 5, 5.0),
        (Waiting(1, 4, 2.0), 5, 3.0),
        (Waiting(1, 4, 9.0), 5, 0.0),
        (Waiting(4, 4, 0.0), 5, 0.0),
        (Waiting(1, 1, 0.0), 5, 0.0),
        (Waiting(1, 0, 0.0), 5, 0.0),
        (Waiting(0, 4, 0.0), 5, 0.0),
        (Waiting(3, 4, 0.0), 0, 0.0),
    ],
)
def test_wait(waiting: Waiting, batch_wait_ms: float, expected: float) -> None:
    assert wait_more_ms(waiting, batch_wait_ms) == pytest.approx(expected)


@given(
    frames=st.integers(0, 20),
    expected=st.integers(0, 20),
    oldest_ms=st.floats(0, 1000),
    batch_wait_ms=st.floats(0, 100),
)
def test_nothing_waits_longer_than_it_may(
    frames: int, expected: int, oldest_ms: float, batch_wait_ms: float
) -> None:
    more = wait_more_ms(Waiting(frames, expected, oldest_ms), batch_wait_ms)
    assert 0 <= more <= batch_wait_ms
    assert more == 0 or oldest_ms + more <= batch_wait_ms + 1e-6
