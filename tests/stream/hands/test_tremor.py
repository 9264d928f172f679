"""Tremor whose truth is known, and unrest that is none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from stream.hands.landmarks import Hand
from stream.hands.measures.signals import Piece
from stream.hands.measures.spectrum import Peak, spectrum, tremor_peak
from tests.stream.hands.synthetic_hand import (
    PALM_PX,
    Movement,
    bent_hand,
    measured,
    write_session,
)


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
    assert found["tremor frequency"].problem == "no frequency stands out between 3 and 12 Hz"


def trembling(frequency_hz: float, palms: float = 0.03) -> Movement:
    random = np.random.default_rng(1)

    def hand(time_s: float) -> object:
        x = 320 + PALM_PX * palms * np.sin(2 * np.pi * frequency_hz * time_s)
        return bent_hand(20, at=(x + random.normal(0, 0.3), 240 + random.normal(0, 0.3)))

    return hand  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("fps", "frequency"), [(29.97, 5.2), (29.97, 11.5), (25, 5.2), (25, 8.5), (23.976, 5.2)]
)
def test_nominal_rates_show_a_tremor(tmp_path: Path, fps: float, frequency: float) -> None:
    found = measured(write_session(tmp_path, trembling(frequency), task="rest", fps=fps))
    assert found["tremor frequency"].value == pytest.approx(frequency, abs=0.1)
    assert found["tremor frequency"].valid


@pytest.mark.parametrize("fps", [5, 6.7, 7, 7.4, 12, 15, 18])
def test_at_a_low_rate_no_tremor_is_shown(tmp_path: Path, fps: float) -> None:
    found = measured(write_session(tmp_path, trembling(5.2), task="rest", fps=fps, seconds=30))
    assert found["tremor frequency"].value is None
    assert "at least 20 are needed" in found["tremor frequency"].problem


def test_a_tremor_at_the_limit_of_the_rate_is_not_valid(tmp_path: Path) -> None:
    """Of 15.4 Hz, which 25 frames a second fold to 9.6 Hz."""
    found = measured(write_session(tmp_path, trembling(15.4), task="rest", fps=25))
    assert found["tremor frequency"].problem == "at 25 frames a second only to 10 Hz"


def test_a_tremor_needs_ten_seconds(tmp_path: Path) -> None:
    found = measured(write_session(tmp_path, trembling(5.2), task="rest", seconds=9))
    assert "no 10 s without a gap" in found["tremor frequency"].problem


def unrest(kind: str, seed: int, seconds: float, fps: float = 30.0) -> NDArray[np.float64]:
    """(N, 2) palm lengths: 0.3 px of noise, and slow sway of 8 px or drift where asked for."""
    random = np.random.default_rng(seed)
    count = round(seconds * fps)
    moved = random.normal(size=(count + 400, 2))
    if kind == "noise":
        moved *= 0
    elif kind == "drift":
        moved = 0.3 * np.cumsum(moved, 0)
    else:
        low = butter(2, float(kind), fs=fps, output="sos")
        moved = sosfilt(low, moved, axis=0)
        moved *= 8 / moved.std()
    return np.asarray((moved[400:] + random.normal(0, 0.3, (count, 2))) / PALM_PX)


@pytest.mark.parametrize("seconds", [10.5, 15, 30])
@pytest.mark.parametrize("kind", ["noise", "drift", "1.0", "1.25", "1.5"])
def test_what_is_no_tremor_is_not_called_one(kind: str, seconds: float) -> None:
    found = [
        tremor_peak(*spectrum(Piece(unrest(kind, seed, seconds), 30.0, 0.0)), 12.0)
        for seed in range(40)
    ]
    assert sum(peak is not None for peak in found) <= 1


@pytest.mark.parametrize("kind", ["noise", "drift"])
@pytest.mark.parametrize("frequency", [3.5, 4.0, 5.2, 6.6, 8.0])
@pytest.mark.parametrize("wander_hz", [0.0, 0.2])
def test_a_tremor_is_found_in_unrest(kind: str, frequency: float, wander_hz: float) -> None:
    """Of 1 px; its frequency wanders from second to second."""
    time_s = np.arange(0, 15, 1 / 30)
    for seed in range(10):
        wander = np.random.default_rng(seed).normal(0, wander_hz, 16)
        phase = 2 * np.pi * np.cumsum(frequency + np.interp(time_s, np.arange(16), wander)) / 30
        moved = unrest(kind, seed, 15) + np.outer(np.sin(phase), [0.8, 0.6]) / PALM_PX
        found = tremor_peak(*spectrum(Piece(moved, 30.0, 0.0)), 12.0)
        assert found is not None
        assert found.base_hz is None
        assert found.frequency_hz == pytest.approx(frequency, abs=0.05 + 2 * wander_hz)


def test_a_strong_tremor_is_found_in_strong_sway() -> None:
    time_s = np.arange(0, 15, 1 / 30)
    for seed in range(10):
        moved = unrest("1.0", seed, 15)
        moved += np.outer(np.sin(2 * np.pi * 5.2 * time_s), [0.8, 0.6]) * 4 / PALM_PX
        found = tremor_peak(*spectrum(Piece(moved, 30.0, 0.0)), 12.0)
        assert found is not None
        assert found.base_hz is None
        assert found.frequency_hz == pytest.approx(5.2, abs=0.05)


def moving(way: Callable[[float], float]) -> Movement:
    """So many pixels along a line, with noise of 0.3 px."""
    random = np.random.default_rng(1)

    def hand(time_s: float) -> Hand:
        x = 320 + way(time_s)
        return bent_hand(20, at=(x + random.normal(0, 0.3), 240 + random.normal(0, 0.3)))

    return hand


def triangle(time_s: float, rate_hz: float) -> float:
    return 4 * abs(time_s * rate_hz % 1 - 0.5) - 1


TIME_S = np.arange(0, 20, 1 / 30)


def peak_of(way: NDArray[np.float64], seed: int = 1) -> Peak | None:
    """In 20 s at 30 frames a second of movement by so many pixels."""
    moved = unrest("noise", seed, 20) + np.outer(way, [0.8, 0.6]) / PALM_PX
    return tremor_peak(*spectrum(Piece(moved, 30.0, 0.0)), 12.0)


@pytest.mark.parametrize("rate_hz", [1.0, 1.2, 1.5, 2.0, 2.2, 2.7])
@pytest.mark.parametrize("pixels", [8, 24])
def test_an_overtone_is_told_from_a_tremor(rate_hz: float, pixels: float) -> None:
    phase = 2 * np.pi * rate_hz * TIME_S
    for way in (
        2 / np.pi * np.arcsin(np.sin(phase)),  # triangles
        np.tanh(3 * np.sin(phase)),
        np.sin(phase) + 0.5 * np.sin(2 * phase + 0.6) + 0.2 * np.sin(3 * phase),
    ):
        for seed in range(5):
            found = peak_of(pixels * way, seed)
            if found is not None:
                assert found.base_hz == pytest.approx(rate_hz, abs=0.05)


def test_an_overtone_is_not_a_valid_tremor(tmp_path: Path) -> None:
    movement = moving(lambda time_s: 24 * triangle(time_s, 1.5))
    found = measured(write_session(tmp_path, movement, task="rest"))["tremor frequency"]
    assert found.value == pytest.approx(4.5, abs=0.1)
    assert found.problem == "may be an overtone of a movement at 1.5 Hz"


def test_a_tremor_is_found_in_a_voluntary_rhythm(tmp_path: Path) -> None:
    """Of 1 px and 5.5 Hz, in triangles of 24 px and 1 Hz, whose overtones are stronger."""

    def way(time_s: float) -> float:
        return 24 * triangle(time_s, 1.0) + float(np.sin(2 * np.pi * 5.5 * time_s))

    folder = write_session(tmp_path, moving(way), task="rest", seconds=20)
    found = measured(folder)["tremor frequency"]
    assert found.valid
    assert found.value == pytest.approx(5.5, abs=0.1)


@pytest.mark.parametrize("frequency", [2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 2.9, 12.3, 12.5, 12.8])
@pytest.mark.parametrize("pixels", [2.4, 8, 24, 80])
def test_what_a_rhythm_outside_the_band_leaks_is_no_tremor(frequency: float, pixels: float) -> None:
    for seed in range(5):
        assert peak_of(pixels * np.sin(2 * np.pi * frequency * TIME_S), seed) is None


def test_every_long_piece_is_looked_at(tmp_path: Path) -> None:
    """Fourteen seconds without a tremor, a gap, and twelve with one."""

    def way(time_s: float) -> float:
        return 8 * float(np.sin(2 * np.pi * 5 * time_s)) * (time_s > 15)

    folder = write_session(tmp_path, moving(way), task="rest", seconds=27, lost_s=[(14.5, 14.8)])
    found = measured(folder)["tremor frequency"]
    assert found.valid
    assert found.value == pytest.approx(5, abs=0.1)


def test_no_tremor_is_said_of_what_was_looked_at(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "a", trembling(17), task="rest", fps=60)
    assert measured(folder)["tremor frequency"].problem == (
        "no frequency stands out between 3 and 12 Hz"
    )
    folder = write_session(tmp_path / "b", trembling(0), task="rest", fps=25)
    assert "between 3 and 10 Hz; at 25 frames" in measured(folder)["tremor frequency"].problem
    folder = write_session(
        tmp_path / "c", trembling(0), task="rest", seconds=20, lost_s=[(12, 12.3)]
    )
    assert "of 20.0 s were looked at" in measured(folder)["tremor frequency"].problem


@pytest.mark.parametrize(("slower", "frequency"), [(13.0, 9.0), (12.0, 8.0), (10.0, 6.0)])
def test_a_camera_that_slows_down_shows_no_folded_tremor(
    tmp_path: Path, slower: float, frequency: float
) -> None:
    """Eight seconds at 30 frames a second, which are the most, then fourteen at fewer."""
    times = np.concatenate([np.arange(0, 8, 1 / 30), np.arange(8, 22, 1 / slower)])
    folder = write_session(tmp_path, trembling(frequency, 0.1), task="rest", times_s=times.tolist())
    found = measured(folder)["tremor frequency"]
    assert found.value is None
    assert found.problem == f"down to {slower:.0f} frames a second; at least 20 are needed"
