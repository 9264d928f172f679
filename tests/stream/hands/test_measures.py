"""Measures of movements whose truth is known, and what data cannot carry."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")


from stream.errors import StreamError
from stream.hands.joint_angles import JOINTS, flexion_degrees
from stream.hands.landmarks import Hand
from stream.hands.measures import measure_session, measures_table, write_measures
from stream.hands.measures.signals import pieces
from stream.hands.session import Task, read_session, write_sidecar
from stream.hands.session_files import write_bids, write_c3d
from stream.hands.session_recorder import SessionRecorder
from tests.stream.hands.synthetic_hand import (
    bent_hand,
    measured,
    tapping,
    tracked,
    write_session,
)


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


@pytest.mark.parametrize(("seconds", "held_s"), [(20, 0.3), (60, 0.3), (60, 2.0)])
def test_one_fist_is_the_most_however_long_the_recording(
    tmp_path: Path, seconds: int, held_s: float
) -> None:
    """From 10 to 80 degrees and back in the middle of it, once."""

    def movement(time_s: float) -> Hand:
        away_s = max(0.0, abs(time_s - seconds / 2) - held_s / 2)
        return bent_hand(10 + 70 * max(0.0, 1 - away_s / 0.4))

    found = measured(write_session(tmp_path, movement, seconds=seconds))
    assert found["index PIP flexion, least"].value == pytest.approx(10, abs=1)
    assert found["index PIP flexion, most"].value == pytest.approx(80, abs=1)
    assert found["ring total active motion"].value == pytest.approx(210, abs=3)
    assert "held for most of a tenth of a second" in found["index PIP flexion, most"].definition
    assert "held for most of a tenth of a second" in found["ring total active motion"].definition


@pytest.mark.parametrize("rate_hz", [1.0, 2.0])
def test_the_range_of_a_hand_that_opens_and_closes_fast(tmp_path: Path, rate_hz: float) -> None:
    def movement(time_s: float) -> Hand:
        return bent_hand(45 - 35 * np.cos(2 * np.pi * rate_hz * time_s))

    found = measured(write_session(tmp_path, movement, task="open-close"))
    assert found["index PIP flexion, least"].value == pytest.approx(10, abs=2)
    assert found["index PIP flexion, most"].value == pytest.approx(80, abs=2)


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_a_hand_that_turns_sharply_went_no_farther_than_it_did(tmp_path: Path, fps: float) -> None:
    """From 10 to 80 degrees and back in 0.15 s each, held for 0.1 s."""

    def movement(time_s: float) -> Hand:
        there = np.clip(np.array([time_s % 0.5, time_s % 0.5 - 0.25]) / 0.15, 0, 1)
        up, down = 10 * there**3 - 15 * there**4 + 6 * there**5
        return bent_hand(10 + 70 * float(up - down))

    found = measured(write_session(tmp_path, movement, fps=fps))
    assert found["index PIP flexion, least"].value == pytest.approx(10, abs=1)
    assert found["index PIP flexion, most"].value == pytest.approx(80, abs=1)


def test_an_odd_frame_is_not_the_most(tmp_path: Path) -> None:
    def movement(time_s: float) -> Hand:
        return bent_hand(80 if round(30 * time_s) in (200, 310) else 20)

    found = measured(write_session(tmp_path, movement))
    assert found["index PIP flexion, most"].value == pytest.approx(20, abs=2)


def test_angles_have_no_sign_and_say_so(tmp_path: Path) -> None:
    """Fingers that are 30 to 10 degrees beyond straight."""

    def movement(time_s: float) -> object:
        return bent_hand(-20 + 10 * np.cos(2 * np.pi * 0.5 * time_s))

    found = measured(write_session(tmp_path / "a", movement))  # type: ignore[arg-type]
    for name, value in (("least", 10), ("most", 30)):
        measure = found[f"index PIP flexion, {name}"]
        assert measure.value == pytest.approx(value, abs=1)
        assert "no sign: a joint that extends beyond straight" in measure.definition
    assert "no sign" in found["index total active motion"].definition
    found = measured(write_session(tmp_path / "b", movement, task="open-close"))  # type: ignore[arg-type]
    assert "no sign" in found["closings"].definition
    assert "no sign" in found["amplitude, median"].definition


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
    assert measures_table(found).row_count == len(found[0].measures) + 6


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


def test_the_effective_rate_of_a_bids_file_counts_dropped_frames(tmp_path: Path) -> None:
    """Ten seconds of which a third of the frames was dropped, a pause of twenty, and five more."""
    folder = write_session(tmp_path / "P01", tapping(2.0, 1.0), seconds=1)
    (folder / "landmarks.csv").unlink()
    recorder = SessionRecorder(folder, "free", seconds=None, countdown_s=0.0)
    for number in range(1050):
        if number in (300, 900):
            recorder.toggle_pause()
        if number >= 300 or number % 3:
            recorder.take(tracked(tapping(2.0, 1.0)(number / 30), number / 30, number))
    recorder.close()
    write_sidecar(folder, replace(read_session(folder).sidecar, pauses_s=recorder.pauses_s))
    session = read_session(folder)
    written = write_bids(session, tmp_path / "bids")
    (described,) = (p for p in written if p.name.endswith("raw_motion.json"))
    found = json.loads(described.read_text())
    assert found["SamplingFrequencyEffective"] == pytest.approx(350 / 15, rel=0.01)
    assert found["SamplingFrequency"] == 30


@pytest.mark.parametrize("fps", [30.0, None])
def test_a_session_of_one_frame_is_exported(tmp_path: Path, fps: float | None) -> None:
    ezc3d = pytest.importorskip("ezc3d", reason="needs the extra hands")
    folder = write_session(tmp_path / "P01", tapping(2.0, 1.0), seconds=1 / 30)
    session = read_session(folder)
    session = replace(session, sidecar=replace(session.sidecar, fps=fps))
    assert len(session.trajectories["raw"]) == 1
    if fps is None:
        with pytest.raises(StreamError, match="C3D wants a frame rate"):
            write_c3d(session)
    else:
        file = ezc3d.c3d(str(write_c3d(session)))
        assert file["parameters"]["POINT"]["RATE"]["value"] == [30]
        assert file["data"]["points"].shape == (4, 42, 1)
    written = write_bids(session, tmp_path / "bids")
    (described,) = (p for p in written if p.name.endswith("raw_motion.json"))
    assert "SamplingFrequencyEffective" not in json.loads(described.read_text())


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
