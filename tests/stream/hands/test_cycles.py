"""Tapping, and opening and closing, whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from stream.hands.landmarks import Hand
from stream.hands.measures.cycles import find_cycles
from stream.hands.measures.signals import pieces
from tests.stream.hands.synthetic_hand import (
    bent_hand,
    measured,
    open_by,
    tapping,
    write_session,
)


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


@pytest.mark.parametrize("seed", range(20))
def test_a_tap_counts_in_a_short_piece_of_uneven_times(seed: int) -> None:
    """Of 16 frames: brought to the median rate they may be 15."""
    random = np.random.default_rng(seed)
    time_s = np.arange(0, 6, 1 / 30) + np.clip(random.normal(0, 0.002, 180), -0.004, 0.004)
    signal = -np.cos(2 * np.pi * 2.5 * (time_s - time_s[90]))
    signal[80:90] = signal[106:116] = np.nan
    cycles = find_cycles(time_s, signal)
    inside = (cycles.peak_s > time_s[89]) & (cycles.peak_s < time_s[106])
    assert inside.sum() == sum(80 / 30 < p.begin_s < 106 / 30 for p in pieces(time_s, signal))


@pytest.mark.parametrize("fps", [30.0, 60.0])
@pytest.mark.parametrize("noise", [0.0, 0.005, 0.01])
@pytest.mark.parametrize(("rate_hz", "count"), [(1.0, 15), (3.0, 30), (4.5, 45)])
def test_a_severe_decrement(fps: float, noise: float, rate_hz: float, count: int) -> None:
    """Evenly to a tenth of the first; then the hand rests for three seconds."""
    time_s = np.arange(0, count / rate_hz + 3, 1 / fps)
    size = 1 - 0.9 * (time_s * rate_hz - 0.5) / (count - 1)
    tap = size * (0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * time_s))
    signal = 0.2 + np.where(time_s < count / rate_hz, tap, 0.0)
    signal += noise * np.random.default_rng(0).normal(size=len(time_s))
    sizes = find_cycles(time_s, signal).amplitude
    assert len(sizes) == count
    third = count // 3
    truth = 1 - 0.9 * np.arange(count) / (count - 1)
    ratio = np.median(truth[-third:]) / np.median(truth[:third])
    assert np.median(sizes[-third:]) / np.median(sizes[:third]) == pytest.approx(ratio, abs=0.02)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [15, 60])
def test_noise_is_not_taps(seed: int, seconds: int) -> None:
    random = np.random.default_rng(seed)
    time_s = np.arange(0, seconds, 1 / 30)
    noise = random.normal(0, 0.01, len(time_s))
    assert len(find_cycles(time_s, 0.3 + noise).peak_s) == 0
    halting = np.minimum(time_s, 5) + np.maximum(0, time_s - 9)
    tapped = 0.5 - 0.5 * np.cos(2 * np.pi * 3 * halting)
    assert len(find_cycles(time_s, tapped + noise).peak_s) == 3 * (seconds - 4)


@pytest.mark.parametrize("fps", [5, 24, 60, 240])
def test_what_does_not_move_has_no_cycles(fps: int) -> None:
    """Splines and filters leave rounding of what is constant, and peaks in it."""
    for seed in range(40):
        random = np.random.default_rng(seed)
        signal = np.full(random.integers(20, 200), random.uniform(0.1, 3))
        found = find_cycles(np.arange(len(signal)) / fps, signal)
        assert not len(found.peak_s)


@pytest.mark.parametrize("seed", range(5))
def test_a_slow_movement_is_one_cycle_although_its_plateau_trembles(seed: int) -> None:
    time_s = np.arange(0, 30, 1 / 30)
    flexion = 40 + 30 * np.clip(2.5 * np.sin(2 * np.pi * 0.2 * time_s), -1, 1)
    flexion += 1.5 * np.sin(2 * np.pi * 1.5 * time_s)
    flexion += np.random.default_rng(seed).normal(0, 0.5, len(time_s))
    assert len(find_cycles(time_s, flexion).peak_s) == 6


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_regular_taps_that_are_held_open_are_regular(tmp_path: Path, fps: float, seed: int) -> None:
    """A tap a second, open for 0.35 s, with noise of half a pixel."""
    random = np.random.default_rng(seed)

    def movement(time_s: float) -> Hand:
        within = time_s % 1
        rise, fall = np.clip(within / 0.15, 0, 1), np.clip((within - 0.5) / 0.15, 0, 1)
        hand = open_by(0.1 + 0.6 * float(rise - fall))
        noise = np.pad(random.normal(0, 0.5, (21, 2)), ((0, 0), (0, 1)))
        return replace(hand, points=(hand.points + noise).astype(np.float32))

    folder = write_session(tmp_path, movement, task="finger-tapping", fps=fps, seconds=20)
    found = measured(folder)
    assert found["taps"].value == 20
    assert found["interval variation"].value == pytest.approx(0, abs=2)
    assert found["longest interval"].value == pytest.approx(1, abs=0.05)
    assert "half way" in found["rate"].definition


@pytest.mark.parametrize("rate_hz", [5.0, 5.9, 6.5, 7.5])
def test_the_amplitude_of_taps_that_the_low_pass_lessens_is_not_valid(
    tmp_path: Path, rate_hz: float
) -> None:
    found = measured(write_session(tmp_path, tapping(rate_hz, 0.3), task="finger-tapping", fps=120))
    assert found["rate"].value == pytest.approx(rate_hz, rel=0.02)
    if rate_hz < 6:
        assert found["amplitude, median"].value == pytest.approx(0.3, rel=0.04)
        assert found["amplitude, median"].valid
    else:
        assert "the low-pass at 9 Hz takes some" in found["amplitude, median"].problem


def there_and_back(time_s: float, there_s: float, back_s: float) -> float:
    """From 0 to 1 in `there_s` and back in `back_s`, each half a cosine."""
    within = time_s % (there_s + back_s)
    turn = within / there_s if within < there_s else 1 + (within - there_s) / back_s
    return float(0.5 - 0.5 * np.cos(np.pi * turn))


def test_opening_and_closing_speed(tmp_path: Path) -> None:
    """Half a cosine's fastest change is pi / 2 of its range over its time."""

    def closes_fast(time_s: float) -> object:
        return bent_hand(10 + 60 * there_and_back(time_s, 0.3, 1.2))

    folder = write_session(tmp_path / "a", closes_fast, task="open-close", fps=60, seconds=20)  # type: ignore[arg-type]
    found = measured(folder)
    assert found["closing speed, median"].value == pytest.approx(60 * np.pi / 2 / 0.3, rel=0.05)
    assert found["opening speed, median"].value == pytest.approx(60 * np.pi / 2 / 1.2, rel=0.05)
    assert "rise of the mean flexion" in found["closing speed, median"].definition

    def opens_fast(time_s: float) -> object:
        return open_by(0.2 + there_and_back(time_s, 0.2, 0.5))

    folder = write_session(tmp_path / "b", opens_fast, task="finger-tapping", fps=60)  # type: ignore[arg-type]
    found = measured(folder)
    assert found["opening speed, median"].value == pytest.approx(np.pi / 2 / 0.2, rel=0.05)
    assert found["closing speed, median"].value == pytest.approx(np.pi / 2 / 0.5, rel=0.05)
    assert "rise of the aperture" in found["opening speed, median"].definition


@pytest.mark.parametrize("stops_s", [6.0, 6.25], ids=["closed", "open"])
def test_a_halt_that_lasts_to_the_end_is_an_interruption(tmp_path: Path, stops_s: float) -> None:
    movement = tapping(2.0, 1.0, pause=(stops_s, 99))
    found = measured(write_session(tmp_path, movement, task="finger-tapping"))
    assert found["interruptions"].value == 1
    assert found["longest interval"].value == pytest.approx(15 - stops_s, abs=0.5)
    assert found["rate"].value == pytest.approx(2.0, rel=0.01)
    assert "to the end of the recording" in found["interruptions"].definition
    assert "towards the camera" in found["opening speed, median"].definition


def test_a_late_start_is_said_and_is_no_interruption(tmp_path: Path) -> None:
    def movement(time_s: float) -> Hand:
        return tapping(2.0, 1.0)(max(0.0, time_s - 8))

    for name, lost_s in (("a", []), ("b", [(3.0, 3.3)])):
        folder = write_session(tmp_path / name, movement, task="finger-tapping", lost_s=lost_s)
        found = measured(folder)
        assert found["interruptions"].value == 0
        assert found["longest interval"].value == pytest.approx(0.5, abs=0.01)
        gaps_s = sum(end - begin for begin, end in lost_s)
        assert found["before the first tap"].value == pytest.approx(8.125 - gaps_s, abs=0.05)


def test_a_start_that_was_not_seen_is_not_told_as_a_late_one(tmp_path: Path) -> None:
    folder = write_session(
        tmp_path, tapping(2.0, 1.0), task="finger-tapping", seconds=20, lost_s=[(0.0, 3.9)]
    )
    found = measured(folder)["before the first tap"]
    assert not found.valid
    assert "were looked at" in found.problem


def test_a_halt_is_seen_on_both_sides_of_a_gap_and_counts_once(tmp_path: Path) -> None:
    movement = tapping(2.0, 1.0, pause=(6.0, 10.0))
    lost_s = [(7.0, 7.3), (8.5, 8.8)]
    folder = write_session(tmp_path / "a", movement, task="finger-tapping", lost_s=lost_s)
    found = measured(folder)
    assert found["interruptions"].value == 1
    assert 1.2 <= found["longest interval"].value <= 4.5
    folder = write_session(tmp_path / "b", tapping(2.0, 1.0), task="finger-tapping", lost_s=lost_s)
    assert measured(folder)["interruptions"].value == 0


@pytest.mark.parametrize(
    "lost_s", [[], [(7.5, 7.8)], [(12.6, 12.9)]], ids=["", "lost before", "lost behind"]
)
def test_the_time_around_a_pause_is_no_interruption(
    tmp_path: Path, lost_s: list[tuple[float, float]]
) -> None:
    """The participant stops before it, and goes on one and a half seconds behind it."""
    movement = tapping(2.0, 1.0, pause=(7.0, 13.5))
    folder = write_session(
        tmp_path,
        movement,
        task="finger-tapping",
        seconds=20,
        lost_s=lost_s,
        pauses_s=[(7.97, 12.0)],
    )
    found = measured(folder)
    assert found["interruptions"].value == 0
    assert found["interruptions"].valid
    assert found["longest interval"].value == pytest.approx(0.5, abs=0.02)
    assert "before a pause" in found["interruptions"].definition


@pytest.mark.parametrize("end_s", [13.5, 12.2, 12.0])
def test_a_pause_without_another_tap_behind_it_is_no_interruption(
    tmp_path: Path, end_s: float
) -> None:
    """The participant stops before it; the recording goes on for a while, a moment, or not."""
    movement = tapping(2.0, 1.0, pause=(7.0, 99))
    folder = write_session(
        tmp_path, movement, task="finger-tapping", seconds=end_s, pauses_s=[(7.97, 12.0)]
    )
    found = measured(folder)
    assert found["interruptions"].value == 0
    assert found["longest interval"].value == pytest.approx(0.5, abs=0.02)


def test_halts_away_from_a_pause_are_interruptions(tmp_path: Path) -> None:
    def movement(time_s: float) -> Hand:
        """Halts from 3 to 5 s, and from 17 s to the end."""
        return tapping(2.0, 1.0, pause=(3.0, 5.0))(min(time_s, 17.0))

    folder = write_session(
        tmp_path, movement, task="finger-tapping", seconds=20, pauses_s=[(7.97, 12.0)]
    )
    assert measured(folder)["interruptions"].value == 2


@pytest.mark.parametrize("end_s", [14.0, 14.1, 14.2, 14.3, 14.4])
@pytest.mark.parametrize("held", [False, True])
def test_a_recording_that_ends_within_a_tap_has_no_interruption(
    tmp_path: Path, end_s: float, held: bool
) -> None:
    def movement(time_s: float) -> Hand:
        swing = 3 * np.sin(4 * np.pi * time_s) if held else np.sin(4 * np.pi * time_s)
        return open_by(0.7 + 0.5 * float(np.clip(swing, -1, 1)))

    folder = write_session(tmp_path, movement, task="finger-tapping", seconds=end_s)
    found = measured(folder)
    assert found["interruptions"].value == 0
    assert found["longest interval"].value == pytest.approx(0.5, abs=0.02)
