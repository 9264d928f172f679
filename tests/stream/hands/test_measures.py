"""Measures of movements whose truth is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from monalysa.quality.smoothness import log_dimensionless_jerk, sparc

from stream.errors import StreamError
from stream.hands.joint_angles import JOINTS, flexion_degrees
from stream.hands.measures import Measure, measure_session, measures_table, write_measures
from stream.hands.measures.reach import smoothness
from stream.hands.measures.signals import pieces
from stream.hands.session import Task, read_session, write_sidecar
from stream.hands.session_recorder import SessionRecorder
from tests.stream.hands.synthetic_hand import Movement, bent_hand, open_by, tracked, write_session


def measured(folder: Path) -> dict[str, Measure]:
    raw, deblurred = measure_session(read_session(folder))
    assert raw.measures == deblurred.measures
    return {measure.name: measure for measure in raw.measures}


def tapping(rate_hz: float, amplitude: float, pause: tuple[float, float] = (99, 99)) -> Movement:
    def hand(time_s: float) -> object:
        passed = min(time_s, pause[0]) + max(0.0, time_s - pause[1])
        return open_by(0.2 + amplitude * (0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * passed)))

    return hand  # type: ignore[return-value]


@pytest.mark.parametrize(("fps", "jitter_s"), [(30.0, 0.0), (30.0, 0.002), (60.0, 0.001)])
@pytest.mark.parametrize("rate_hz", [1.3, 2.7, 4.4])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_tapping(
    tmp_path: Path, fps: float, jitter_s: float, rate_hz: float, missing: float
) -> None:
    movement = tapping(rate_hz, 1.1)
    folder = write_session(
        tmp_path, movement, task="finger-tapping", fps=fps, missing=missing, jitter_s=jitter_s
    )
    found = measured(folder)
    allowed = 2 if missing else 1
    assert found["rate"].value == pytest.approx(rate_hz, rel=0.02 * allowed)
    assert found["amplitude, median"].value == pytest.approx(1.1, rel=0.03 * allowed)
    assert found["taps"].value == pytest.approx(15 * rate_hz, abs=1.5)
    assert found["interruptions"].value == 0
    assert found["rate"].valid


def test_tapping_too_fast_for_the_camera_is_said_so(tmp_path: Path) -> None:
    found = measured(write_session(tmp_path, tapping(5.5, 1.0), task="finger-tapping"))
    assert not found["amplitude, median"].valid
    assert "too few for 5.5 taps" in found["amplitude, median"].problem
    assert found["rate"].valid


def test_decrement_and_halt(tmp_path: Path) -> None:
    def movement(time_s: float) -> object:
        size = 1.2 - 0.05 * time_s
        return open_by(0.2 + size * (0.5 - 0.5 * np.cos(2 * np.pi * 2 * time_s)))

    found = measured(write_session(tmp_path / "a", movement, task="finger-tapping"))  # type: ignore[arg-type]
    assert found["amplitude, last third to first"].value == pytest.approx(0.575 / 1.075, abs=0.03)
    halting = tapping(2.0, 1.0, pause=(6.0, 7.2))
    found = measured(write_session(tmp_path / "b", halting, task="finger-tapping"))
    assert found["interruptions"].value == 1
    assert found["longest interval"].value == pytest.approx(1.7, abs=0.1)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("frequency", [3.7, 5.2, 8.9])
def test_tremor_frequency(tmp_path: Path, frequency: float, missing: float) -> None:
    random = np.random.default_rng(1)

    def movement(time_s: float) -> object:
        x = 320 + 2.5 * np.sin(2 * np.pi * frequency * time_s) + 8 * np.sin(time_s)
        return bent_hand(20, at=(x + random.normal(0, 0.3), 240 + random.normal(0, 0.3)))

    folder = write_session(tmp_path, movement, task="rest", missing=missing, seconds=20)  # type: ignore[arg-type]
    found = measured(folder)
    assert found["tremor frequency"].value == pytest.approx(frequency, abs=0.4 if missing else 0.2)
    assert not found["tremor amplitude"].valid


def test_a_hand_at_rest_has_no_tremor(tmp_path: Path) -> None:
    random = np.random.default_rng(1)

    def movement(time_s: float) -> object:
        return bent_hand(20, at=(320 + random.normal(0, 0.3), 240 + random.normal(0, 0.3)))

    found = measured(write_session(tmp_path, movement, task="rest"))  # type: ignore[arg-type]
    assert "no frequency stands out" in found["tremor frequency"].problem


def test_joint_angles() -> None:
    degrees = np.array([[5, 10, 20], [10, 35, 15], [80, 100, 60], [0, 0, 0], [45, 90, 30]], float)
    angles = dict(zip(JOINTS, flexion_degrees(bent_hand(degrees).world).tolist(), strict=True))
    assert angles["thumb_mcp"] == pytest.approx(10, abs=1)
    assert angles["thumb_ip"] == pytest.approx(20, abs=1)
    for finger, expected in zip(("index", "middle", "ring", "pinky"), degrees[1:], strict=True):
        found = [angles[f"{finger}_{joint}"] for joint in ("mcp", "pip", "dip")]
        assert found == pytest.approx(expected.tolist(), abs=1)


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_range_of_motion(tmp_path: Path, missing: float) -> None:
    def movement(time_s: float) -> object:
        closed = 0.5 - 0.5 * np.cos(2 * np.pi * 0.5 * time_s)
        return bent_hand(
            np.array([[5, 5, 5], *[[5 + 70 * closed, 10 + 80 * closed, 40 * closed]] * 4])
        )

    folder = write_session(tmp_path, movement, task="open-close", seconds=24, missing=missing)  # type: ignore[arg-type]
    found = measured(folder)
    allowed = 2.0 if missing else 1.0
    assert found["index MCP flexion, least"].value == pytest.approx(5, abs=allowed)
    assert found["index MCP flexion, most"].value == pytest.approx(75, abs=allowed)
    assert found["pinky PIP flexion, most"].value == pytest.approx(90, abs=allowed)
    assert found["ring total active motion"].value == pytest.approx(190, abs=3 * allowed)
    assert found["rate"].value == pytest.approx(0.5, rel=0.02)
    assert found["amplitude, median"].value == pytest.approx(190 / 3, rel=0.03)


def test_smoothness_is_the_authors_own() -> None:
    """The value in the documentation of SPARC's authors, and their published program."""
    time_s = np.arange(-1, 1, 0.01)
    speed = np.exp(-5 * time_s**2)
    arc, jerk = smoothness(speed, 100.0)
    assert arc == pytest.approx(-1.41403, abs=5e-6)
    assert arc == pytest.approx(sparc(speed, 100.0)[0], abs=1e-6)
    assert jerk == pytest.approx(-5.81636, abs=5e-6)
    assert jerk == pytest.approx(log_dimensionless_jerk(speed, 100.0), abs=1e-6)


def test_smoothness_with_missing_frames() -> None:
    time_s = np.arange(-1, 1, 0.01)
    speed = np.exp(-5 * time_s**2)
    holed = speed.copy()
    holed[np.random.default_rng(0).choice(np.arange(1, 199), 20, replace=False)] = np.nan
    (piece,) = pieces(time_s, holed)
    assert smoothness(piece.values, 100.0)[0] == pytest.approx(sparc(speed, 100.0)[0], abs=2e-6)


def test_reaching(tmp_path: Path) -> None:
    """Five minimum-jerk reaches (Flash and Hogan, 1985) of three palm lengths, a second each."""

    def movement(time_s: float) -> object:
        turn, within = divmod(time_s, 2.0)
        s = min(within, 1.0)
        way = 10 * s**3 - 15 * s**4 + 6 * s**5
        x = 200 + 240 * (way if turn % 2 == 0 else 1 - way)
        return bent_hand(10, at=(x, 240))

    found = measured(write_session(tmp_path, movement, task="reach", fps=60, seconds=10))  # type: ignore[arg-type]
    assert found["movements"].value == 5
    assert found["peak speed"].value == pytest.approx(1.875 * 3, rel=0.03)
    assert found["time to peak speed"].value == pytest.approx(0.5, abs=0.1)
    assert found["path ratio"].value == pytest.approx(1, abs=0.01)
    assert found["smoothness, SPARC"].value == pytest.approx(-1.42, abs=0.05)


def test_what_the_data_cannot_carry_is_not_valid(tmp_path: Path) -> None:
    found = measured(
        write_session(tmp_path / "a", tapping(2.0, 1.0), task="finger-tapping", missing=0.4)
    )
    assert not found["rate"].valid
    assert "missing in" in found["rate"].problem
    slow = write_session(tmp_path / "b", tapping(0.5, 1.0), task="reach", fps=15)
    assert "at least 24" in measured(slow)["smoothness, SPARC"].problem
    nothing = write_session(tmp_path / "c", tapping(2, 1), task="finger-tapping", missing=1.0)
    assert measured(nothing)["rate"].value is None


def test_long_gaps_are_not_bridged() -> None:
    time_s = np.arange(0, 6, 1 / 30)
    values = np.sin(time_s)
    values[(time_s > 2) & (time_s < 2.1)] = np.nan
    assert len(pieces(time_s, values)) == 1
    values[(time_s > 4) & (time_s < 4.4)] = np.nan
    first, second = pieces(time_s, values)
    assert first.time_s[-1] < 4.05
    assert second.begin_s > 4.35


def test_written_and_shown(tmp_path: Path) -> None:
    session = read_session(write_session(tmp_path, tapping(2.0, 1.0), task="finger-tapping"))
    found = measure_session(session)
    content = json.loads(write_measures(session, found).read_text())
    assert [one["estimated_by_deblurring"] for one in content["pictures"]] == [False, True]
    assert measures_table(found).row_count == len(found[0].measures) + 5


def test_what_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    session = read_session(write_session(tmp_path, tapping(2.0, 1.0), task="finger-tapping"))
    (tmp_path / "measures.json").mkdir()
    with pytest.raises(StreamError, match=r"measures\.json cannot be written"):
        write_measures(session, measure_session(session))


def test_pauses_are_not_missing_data(tmp_path: Path) -> None:
    """Ten seconds, a pause of twenty in which the hand goes elsewhere, and ten seconds more."""
    folder = write_session(tmp_path, tapping(3.0, 1.0), task="finger-tapping", seconds=1)
    (folder / "landmarks.csv").unlink()
    recorder = SessionRecorder(folder, "finger-tapping", seconds=None, countdown_s=0.0)
    for number in range(1200):
        if number in (300, 900):
            recorder.toggle_pause()
        hand = tapping(3.0, 1.0)(number / 30)
        elsewhere = np.float32([200, 0, 0]) * (number >= 600)
        hand = replace(hand, points=hand.points + elsewhere)
        recorder.take(tracked(hand, 100 + number / 30, number))
    recorder.close()
    write_sidecar(folder, replace(read_session(folder).sidecar, pauses_s=recorder.pauses_s))
    for one in measure_session(read_session(folder)):
        assert one.quality.fps == pytest.approx(30, abs=0.01)
        assert one.quality.longest_gap_s == pytest.approx(1 / 30, abs=1e-3)
        assert one.quality.jumps == 0
        found = {measure.name: measure for measure in one.measures}
        assert found["amplitude, median"].valid
        assert found["rate"].value == pytest.approx(3.0, rel=0.02)


def test_a_gap_with_a_pause_in_it_is_as_long_as_what_is_left(tmp_path: Path) -> None:
    folder = write_session(tmp_path, tapping(2.0, 1.0), task="finger-tapping", seconds=4)
    (folder / "landmarks.csv").unlink()
    recorder = SessionRecorder(folder, "finger-tapping", seconds=None, countdown_s=0.0)
    for number in range(240):
        if number in (90, 180):
            recorder.toggle_pause()
        seen = not 60 <= number < 210
        hand = tapping(2.0, 1.0)(number / 30) if seen else None
        recorder.take(tracked(hand, number / 30, number))
    recorder.close()
    write_sidecar(folder, replace(read_session(folder).sidecar, pauses_s=recorder.pauses_s))
    raw, _ = measure_session(read_session(folder))
    assert raw.quality.longest_gap_s == pytest.approx(61 / 30, abs=1e-3)


def test_samples_at_the_same_time_count_once() -> None:
    time_s = np.arange(0, 4, 1 / 30)
    values = np.sin(3 * time_s)
    (expected,) = pieces(time_s, values)
    for copies in (np.where(np.arange(len(time_s)) == 40, 2, 1), 2):
        (piece,) = pieces(np.repeat(time_s, copies), np.repeat(values, copies))
        np.testing.assert_array_equal(piece.values, expected.values)
        assert piece.rate_hz == expected.rate_hz


@pytest.mark.parametrize("task", ["finger-tapping", "open-close", "reach", "rest", "free"])
def test_every_task_is_measured_where_frames_have_the_same_time(tmp_path: Path, task: Task) -> None:
    folder = write_session(tmp_path, tapping(2.0, 1.0), task=task, seconds=8)
    table = folder / "landmarks.csv"
    table.write_text(table.read_text().replace(",3.033333,", ",3.000000,"))
    session = read_session(folder)
    assert np.diff(session.trajectories["raw"].time_s).min() == 0
    assert measure_session(session)
