"""Frames whose times are those of their arrival in bursts, and others that only look like it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from numpy.typing import NDArray

from stream.hands.measures import measure_session, notices
from stream.hands.session import Task, read_session
from stream.hands.session_files import write_bids, write_c3d
from tests.conftest import blur2blur
from tests.stream.hands.synthetic_hand import measured, tapping, write_session

_TAKEN_S = np.arange(450) / 30


def arriving(together: int, apart_s: float) -> NDArray[np.float64]:
    """Of frames that are sent so many at a time."""
    number = np.arange(len(_TAKEN_S))
    return number // together * together / 30 + apart_s * (number % together)


def held_up(share: float) -> NDArray[np.float64]:
    """Of frames of which some come 70 ms late, and those behind them at once after them."""
    late = np.random.default_rng(0).uniform(size=len(_TAKEN_S)) < share
    arrivals = np.zeros(len(_TAKEN_S))
    free_s = 0.0
    for number, taken_s in enumerate(_TAKEN_S):
        if late[number]:
            free_s = taken_s + 0.07
        arrivals[number] = max(taken_s, free_s, arrivals[number - 1] + 0.003)
    return arrivals - arrivals[0]


@pytest.mark.parametrize(
    "arrivals",
    [arriving(2, 0.012), arriving(3, 0.012), arriving(3, 0.002), arriving(4, 0.012), held_up(0.2)],
    ids=["2", "3", "3 at once", "4", "held up"],
)
def test_nothing_is_valid_where_frames_came_in_bursts(
    tmp_path: Path, arrivals: NDArray[np.float64]
) -> None:
    folder = write_session(
        tmp_path, tapping(2.0, 1.0), task="finger-tapping", arrivals_s=arrivals.tolist()
    )
    found = measured(folder)
    assert found["opening speed, median"].value != pytest.approx(2 * np.pi, rel=0.05)
    for measure in found.values():
        assert "the frames came in bursts" in measure.problem
    (notice, _) = notices(measure_session(read_session(folder)))
    assert "take a clip that the phone or camera has filmed" in notice


@pytest.mark.parametrize("task", ["open-close", "reach", "rest", "free"])
def test_that_holds_for_every_task(tmp_path: Path, task: Task) -> None:
    folder = write_session(
        tmp_path, tapping(2.0, 1.0), task=task, arrivals_s=arriving(3, 0.012).tolist()
    )
    assert not any(measure.valid for measure in measured(folder).values())


def test_frames_of_a_burst_make_no_more_work(tmp_path: Path) -> None:
    """Where their steps are next to nothing, filters of their rate would run for hours."""
    folder = write_session(
        tmp_path, tapping(2.0, 1.0), task="open-close", arrivals_s=arriving(3, 0.00001).tolist()
    )
    result = blur2blur("session", "measure", folder, timeout_s=60)
    assert result.returncode == 0, result.stderr
    assert "the frames came in bursts" in result.stdout


_RANDOM = np.random.default_rng(0)


def jittered(fps: float, missing: float) -> NDArray[np.float64]:
    """Frames up to 5 ms early or late, of which some never came."""
    even = np.arange(0.01, 15, 1 / fps)
    times = even + _RANDOM.uniform(-0.005, 0.005, len(even))
    return times[_RANDOM.uniform(size=len(times)) >= missing]


def stepping(*frames: int) -> NDArray[np.float64]:
    """So many thirtieths of a second from frame to frame, again and again."""
    times = np.cumsum(np.tile(frames, 450)) / 30
    return times[times < 15]


@pytest.mark.parametrize(
    "times",
    [
        *(jittered(fps, missing) for fps in (24, 29.97, 60) for missing in (0, 0.1, 0.2)),
        np.concatenate([np.arange(0, 7, 1 / 60), np.arange(7, 15, 1 / 30)]),
        np.concatenate([np.arange(0, 7, 1 / 30), np.arange(7, 15, 1 / 24)]),
        stepping(1, 1, 1, 2),
        stepping(1, 2),
        stepping(1, 1, 3),
        np.cumsum(_RANDOM.choice([1, 2, 3], 280, p=[0.5, 0.3, 0.2])) / 30,
    ],
)
def test_jitter_dropped_frames_and_clips_of_a_varying_rate_are_no_bursts(
    tmp_path: Path, times: NDArray[np.float64]
) -> None:
    found = measured(write_session(tmp_path, tapping(1.5, 1.0), times_s=times.tolist()))
    assert not any("bursts" in measure.problem for measure in found.values())


def test_frames_that_the_tracker_left_out_are_no_bursts(tmp_path: Path) -> None:
    """Of 120 a second those that it looked at: two that follow each other, then the tenth."""
    folder = write_session(tmp_path, tapping(1.5, 1.0), fps=120)
    table = folder / "landmarks.csv"
    head, *rows = table.read_text().splitlines()
    rows = [row for row in rows if int(row.split(",")[0]) % 10 < 2]
    table.write_text("\n".join([head, *rows, ""]))
    assert not any("bursts" in measure.problem for measure in measured(folder).values())


def test_the_rate_of_frames_that_came_in_bursts_is_that_of_all(tmp_path: Path) -> None:
    arrivals = arriving(3, 0.012).tolist()
    folder = write_session(tmp_path / "P01", tapping(2.0, 1.0), arrivals_s=arrivals)
    session = read_session(folder)
    session = replace(session, sidecar=replace(session.sidecar, fps=None))
    written = write_bids(session, tmp_path / "bids")
    (described,) = (p for p in written if p.name.endswith("raw_motion.json"))
    assert json.loads(described.read_text())["SamplingFrequency"] == pytest.approx(30, rel=0.01)
    ezc3d = pytest.importorskip("ezc3d", reason="needs the extra hands")
    file = ezc3d.c3d(str(write_c3d(session)))
    assert file["parameters"]["POINT"]["RATE"]["value"] == pytest.approx([30], rel=0.01)
