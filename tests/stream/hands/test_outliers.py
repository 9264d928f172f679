"""Frames in which something else was taken for the hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from numpy.typing import NDArray

from stream.hands.landmarks import THUMB_TIP, Hand
from stream.hands.measures import Measure, measure_session
from stream.hands.measures.outliers import outliers
from stream.hands.session import read_session
from tests.stream.hands.synthetic_hand import Movement, measured, open_by, tapping, write_session
from tests.stream.hands.test_reach import minimum_jerk, reaching

Change = Callable[[NDArray[np.float32], int], NDArray[np.float32]]


def astray(
    movement: Movement, frames: Sequence[int], change: Change, fps: float = 30.0
) -> Movement:
    """With the landmarks of some frames changed."""

    def hand(time_s: float) -> Hand:
        number = round(fps * time_s)
        found = movement(time_s)
        return replace(found, points=change(found.points, number)) if number in frames else found

    return hand


def by(x: float, y: float) -> Change:
    return lambda points, _: points + np.float32([x, y, 0])


def mirrored(points: NDArray[np.float32], _: int) -> NDArray[np.float32]:
    """The other hand, on the other side of the picture."""
    return np.float32([640, 0, 0]) + points * np.float32([-1, 1, 1])


def wild(points: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """In each frame elsewhere."""
    return points + np.float32([400, -300 if number % 2 else 300, 0])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measure]:
    """Of a session in which nothing else was taken for the hand."""
    folder = tmp_path_factory.mktemp("plain")
    return measured(write_session(folder, reaching, task="reach", seconds=20))


@pytest.mark.parametrize("change", [by(160, 0), by(400, 0), mirrored, wild])
@pytest.mark.parametrize(
    "frames",
    [
        [210],
        [150, 210, 350],
        [210, 211],
        [210, 211, 212],
        [185, 186, 440, 441],
        [129, 130],
        [70, 250],
    ],
)
def test_a_frame_or_two_of_another_hand_change_nothing(
    plain: dict[str, Measure], tmp_path: Path, change: Change, frames: list[int]
) -> None:
    movement = astray(reaching, frames, change)
    folder = write_session(tmp_path, movement, task="reach", seconds=20)
    found = measured(folder)
    assert found["movements"].value == plain["movements"].value == 10
    for name in ("peak speed", "path ratio", "smoothness, SPARC"):
        assert found[name].value == pytest.approx(plain[name].value, rel=0.01)
        assert found[name].valid
    assert all(one.quality.jumps for one in measure_session(read_session(folder)))


@pytest.mark.parametrize("pixels", [110, 500])
@pytest.mark.parametrize("frames", [[180], [180, 181], [91, 180, 272]])
def test_a_landmark_astray_changes_no_tap(tmp_path: Path, frames: list[int], pixels: float) -> None:
    def change(points: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        return points + np.float32([pixels, 0, 0]) * (np.arange(21) == THUMB_TIP)[:, None]

    movement = astray(tapping(3.0, 0.6), frames, change)
    found = measured(write_session(tmp_path, movement, task="finger-tapping", seconds=12))
    assert found["taps"].value == 36
    assert found["interval variation"].value == pytest.approx(0, abs=1)
    assert found["amplitude, largest"].value == pytest.approx(0.6, rel=0.06)


def test_a_frame_of_another_hand_is_no_tap_at_15_frames_a_second(tmp_path: Path) -> None:
    def other(points: NDArray[np.float32], _: int) -> NDArray[np.float32]:
        return open_by(0.0).points + np.float32([150, 0, 0])

    movement = astray(tapping(1.0, 0.6), [38, 98, 127], other, 15.0)
    found = measured(write_session(tmp_path, movement, task="finger-tapping", fps=15))
    assert found["taps"].value == 15
    assert found["taps"].valid
    assert found["interval variation"].value == pytest.approx(0, abs=1)


@pytest.mark.parametrize("change", [by(400, 0), mirrored, wild])
def test_a_hand_that_flickers_is_said(tmp_path: Path, change: Change) -> None:
    movement = astray(reaching, [131, 134, 135, 137], change)
    found = measured(write_session(tmp_path, movement, task="reach"))
    assert all("another hand may have been measured" in m.problem for m in found.values())


def test_another_hand_that_stays_is_said(tmp_path: Path) -> None:
    movement = astray(tapping(3.0, 0.6), range(180, 200), mirrored)
    movement = astray(movement, range(180, 200), by(400, 0))
    found = measured(write_session(tmp_path, movement, task="finger-tapping"))
    assert all("another hand may have been measured: 2 steps" in m.problem for m in found.values())


@pytest.mark.parametrize("fps", [15.0, 24.0, 25.0, 30.0, 60.0, 120.0])
@pytest.mark.parametrize("seed", range(3))
def test_what_hands_do_passes_unchanged(fps: float, seed: int) -> None:
    """Taps up to 6 Hz, in a row and alone; reaches there and back, the fastest within 0.1 s."""
    random = np.random.default_rng(seed)
    time_s = np.arange(0, 12, 1 / fps) + random.uniform(-0.002, 0.002, round(12 * fps))
    time_s = time_s[random.uniform(size=len(time_s)) > 0.1 * (seed % 2)]
    begin_s = 3 + random.uniform(0, 0.1)
    signals = [
        0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * np.clip(time_s - begin_s, 0, seconds))
        for rate_hz in (2, 4, 6)
        for seconds in (1 / rate_hz, 6)
    ]
    for takes_s in (0.1, 0.2, 0.5):
        for rests_s in (0.0, 0.05, 0.5):
            there = [minimum_jerk((t - begin_s) / takes_s) if t > begin_s else 0 for t in time_s]
            back_s = begin_s + takes_s + rests_s
            back = [minimum_jerk((t - back_s) / takes_s) if t > back_s else 0 for t in time_s]
            signals.append(6 * (np.array(there) - np.array(back)))
    for signal in signals:
        assert not outliers(time_s, signal).any()
