"""What is not in the data is said, and not counted as none."""

from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from stream.hands.measures import measure_session
from stream.hands.session import Task, read_session
from tests.stream.hands.synthetic_hand import measured, tapping, write_session


@pytest.mark.parametrize("task", ["finger-tapping", "open-close", "reach", "rest", "free"])
@pytest.mark.parametrize(
    ("fps", "seconds", "lost_s"),
    [(6.0, 14.0, []), (30.0, 0.5, []), (30.0, 1 / 30, []), (30.0, 4.0, [(0.0, 4.0)])],
)
def test_what_cannot_be_measured_has_a_reason(
    tmp_path: Path, task: Task, fps: float, seconds: float, lost_s: list[tuple[float, float]]
) -> None:
    folder = write_session(
        tmp_path, tapping(1.0, 0.6), task=task, fps=fps, seconds=seconds, lost_s=lost_s
    )
    for measure in measured(folder).values():
        assert measure.value is None
        assert measure.problem


@pytest.mark.parametrize("task", ["finger-tapping", "open-close", "reach", "rest", "free"])
def test_what_has_no_value_has_a_reason(tmp_path: Path, task: Task) -> None:
    """A hand that does not move, and one that moves once, in a session of four seconds."""
    for name, amplitude in (("still", 0.0), ("once", 0.6)):
        folder = write_session(tmp_path / name, tapping(0.25, amplitude), task=task, seconds=4)
        found = measured(folder)
        assert all(m.problem for m in found.values() if m.value is None)
        if task == "finger-tapping" and not amplitude:
            assert found["taps"].valid
            assert found["interval variation"].problem == "only 0 taps; at least 10 are asked for"


def test_a_slow_camera_is_said_to_be_too_slow(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "b", tapping(1.0, 0.6), task="finger-tapping", fps=6)
    assert measured(folder)["taps"].problem == "6.0 frames a second; at least 7 are needed"
    folder = write_session(tmp_path / "a", tapping(1.0, 0.6), task="finger-tapping", seconds=1 / 30)
    assert measured(folder)["taps"].problem.startswith("nowhere 16 frames")


def test_a_count_says_when_it_is_of_a_part(tmp_path: Path) -> None:
    lost = [(second + 0.5, second + 0.66) for second in range(12)]
    folder = write_session(
        tmp_path / "a", tapping(3.0, 0.6), task="finger-tapping", seconds=12, lost_s=lost
    )
    found = measured(folder)
    for name in ("taps", "interruptions", "longest interval"):
        assert "of 12.0 s were looked at" in found[name].problem
    assert found["rate"].valid
    assert found["amplitude, median"].valid
    whole = measured(write_session(tmp_path / "b", tapping(3.0, 0.6), task="finger-tapping"))
    assert all(measure.valid for measure in whole.values())


@pytest.mark.parametrize(
    ("lost_s", "longest_s"),
    [((25, 31), 5.0), ((-1, 4), 4.0), ((10, 12), 2.0 + 1 / 30), ((-1, 31), 30 - 1 / 30)],
)
def test_a_hand_that_is_lost_at_the_end_is_missing(
    tmp_path: Path, lost_s: tuple[float, float], longest_s: float
) -> None:
    folder = write_session(tmp_path, tapping(3.0, 0.6), seconds=30, lost_s=[lost_s])
    for one in measure_session(read_session(folder)):
        assert one.quality.longest_gap_s == pytest.approx(longest_s, abs=1e-3)
