"""Reaching whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from monalysa.quality.smoothness import log_dimensionless_jerk, sparc

from stream.hands.landmarks import Hand
from stream.hands.measures.reach import smoothness
from stream.hands.measures.signals import pieces
from stream.hands.session_recorder import INSTRUCTIONS
from tests.stream.hands.synthetic_hand import (
    PALM_PX,
    bent_hand,
    measured,
    write_session,
)


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


def minimum_jerk(time_s: float) -> float:
    """The share of the way after so much of a second (Flash and Hogan, 1985)."""
    s = min(time_s, 1.0)
    return 10 * s**3 - 15 * s**4 + 6 * s**5


def reaching(time_s: float) -> Hand:
    """Minimum-jerk reaches of three palm lengths: one second in two."""
    turn, within = divmod(time_s, 2.0)
    way = minimum_jerk(within)
    return bent_hand(10, at=(200 + 240 * (way if turn % 2 == 0 else 1 - way), 240))


def resting_first(time_s: float) -> Hand:
    """Rest for 8 s, with unrest of 0.2 px, then reaches."""
    if time_s >= 8:
        return reaching(time_s)
    return bent_hand(10, at=(200 + 0.2 * float(np.sin(40 * time_s)), 240))


def test_reaching(tmp_path: Path) -> None:
    found = measured(write_session(tmp_path, reaching, task="reach", fps=60, seconds=10))
    assert found["movements"].value == 5
    assert found["movements cut off"].value == 0
    assert found["peak speed"].value == pytest.approx(1.875 * 3, rel=0.03)
    assert found["time to peak speed"].value == pytest.approx(0.5, abs=0.1)
    assert found["path ratio"].value == pytest.approx(1, abs=0.01)
    assert found["smoothness, SPARC"].value == pytest.approx(-1.42, abs=0.05)


def test_reaches_towards_the_camera_are_said_not_to_be_seen(tmp_path: Path) -> None:
    found = measured(write_session(tmp_path, reaching, task="reach", seconds=3))
    for name in ("movements", "peak speed", "path ratio", "smoothness, SPARC", "smoothness, LDLJ"):
        assert "towards the camera is not seen" in found[name].definition
    assert "across the picture" in INSTRUCTIONS["reach"]


def test_a_reach_in_which_the_hand_is_lost_is_left_out(tmp_path: Path) -> None:
    lost = [(2 * turn + 0.4, 2 * turn + 0.6) for turn in (2, 7)]
    folder = write_session(tmp_path / "a", reaching, task="reach", fps=60, seconds=24, lost_s=lost)
    found = measured(folder)
    assert found["movements"].value == 10
    assert found["movements cut off"].value == 2
    assert found["time to peak speed"].value == pytest.approx(0.5, abs=0.1)
    assert found["peak speed"].value == pytest.approx(1.875 * 3, rel=0.03)
    assert found["peak speed"].valid
    lost = [(2 * turn + 0.4, 2 * turn + 0.6) for turn in range(10)]
    folder = write_session(tmp_path / "b", reaching, task="reach", fps=60, seconds=20, lost_s=lost)
    found = measured(folder)
    assert found["movements"].value == 0
    assert found["movements cut off"].value == 10
    assert found["movements"].problem == "10 of 10 movements are cut off"
    assert found["time to peak speed"].value is None


def test_a_reach_under_way_at_the_begin_and_at_the_end_is_left_out(tmp_path: Path) -> None:
    def movement(time_s: float) -> Hand:
        return reaching(time_s + 0.5)

    found = measured(write_session(tmp_path, movement, task="reach", fps=60, seconds=22))
    assert found["movements"].value == 10
    assert found["movements cut off"].value == 2


def test_a_piece_of_rest_has_no_movements(tmp_path: Path) -> None:
    folder = write_session(
        tmp_path, resting_first, task="reach", fps=60, seconds=18, lost_s=[(7.2, 7.6)]
    )
    found = measured(folder)
    assert found["movements"].value == 5
    assert found["movements cut off"].value == 0


@pytest.mark.parametrize("fps", [23.976, 24.0, 29.97])
def test_nominal_rates_carry_a_reach(tmp_path: Path, fps: float) -> None:
    found = measured(write_session(tmp_path, reaching, task="reach", fps=fps))
    assert found["smoothness, SPARC"].valid


@pytest.mark.parametrize("fps", [8.0, 10.0, 15.0])
def test_few_frames_of_a_reach_have_no_smoothness(tmp_path: Path, fps: float) -> None:
    def movement(time_s: float) -> Hand:
        return bent_hand(10, at=(200 + 240 * minimum_jerk(time_s % 1.5 / 0.3), 240))

    found = measured(write_session(tmp_path, movement, task="reach", fps=fps))
    assert found["movements"].value
    for name in ("smoothness, SPARC", "smoothness, LDLJ"):
        assert "at least 24 are needed" in found[name].problem
        assert found[name].value is None or np.isfinite(found[name].value)


def trembling(hand: Hand, pixels: float, random: np.random.Generator) -> Hand:
    """With noise in each landmark."""
    noise = np.pad(random.normal(0, pixels, (21, 2)), ((0, 0), (0, 1)))
    return replace(hand, points=(hand.points + noise).astype(np.float32))


@pytest.mark.parametrize("fps", [30.0, 60.0])
@pytest.mark.parametrize("pixels", [0.2, 0.5, 1.0])
def test_a_hand_that_lies_still_makes_no_movements(
    tmp_path: Path, pixels: float, fps: float
) -> None:
    random = np.random.default_rng(0)

    def movement(_: float) -> Hand:
        return trembling(bent_hand(10), pixels, random)

    found = measured(write_session(tmp_path, movement, task="reach", fps=fps, seconds=20))
    assert found["movements"].value == 0
    assert found["movements cut off"].value == 0
    assert found["peak speed"].value is None
    assert found["peak speed"].problem == "no whole movement was found"


@pytest.mark.parametrize("fps", [30.0, 60.0])
@pytest.mark.parametrize("palms", [0.6, 3.0])
def test_reaches_are_counted_in_noise(tmp_path: Path, palms: float, fps: float) -> None:
    random = np.random.default_rng(0)

    def movement(time_s: float) -> Hand:
        turn, within = divmod(time_s, 2.0)
        way = minimum_jerk(within)
        x = 200 + palms * PALM_PX * (way if turn % 2 == 0 else 1 - way)
        return trembling(bent_hand(10, at=(x, 240)), 0.5, random)

    found = measured(write_session(tmp_path, movement, task="reach", fps=fps, seconds=20))
    assert found["movements"].value == 10
    assert found["movements cut off"].value <= 1
    assert found["peak speed"].value == pytest.approx(
        1.875 * palms, rel=0.25 if palms < 1 else 0.05
    )


def test_smoothness_is_the_same_wherever_the_frames_fall(tmp_path: Path) -> None:
    """Of quick reaches, 0.4 s, of which a frame at 30 a second is a twelfth."""
    found = []
    for phase in range(5):

        def movement(time_s: float, late_s: float = phase / 150) -> Hand:
            turn, within = divmod(time_s + 2 - late_s, 2.0)
            way = minimum_jerk(within / 0.4)
            return bent_hand(10, at=(200 + 240 * (way if turn % 2 == 0 else 1 - way), 240))

        folder = write_session(tmp_path / f"{phase}", movement, task="reach", seconds=7)
        found.append(measured(folder)["smoothness, LDLJ"].value)
    assert np.ptp(found) < 0.1
    assert np.mean(found) == pytest.approx(-4.5, abs=0.1)


@pytest.mark.parametrize("fps", [30.0, 60.0])
@pytest.mark.parametrize(
    ("palms", "takes_s", "pixels"), [(3, 0.5, 0.5), (3, 0.5, 1), (1.5, 0.5, 0.5), (3, 1, 0.5)]
)
def test_noise_that_moves_the_smoothness_is_said(
    tmp_path: Path, palms: float, takes_s: float, pixels: float, fps: float
) -> None:
    """LDLJ of a minimum-jerk reach, and of the same one in noise."""
    random = np.random.default_rng(0)

    def movement(time_s: float) -> Hand:
        turn, within = divmod(time_s, 2.0)
        way = minimum_jerk(within / takes_s)
        return bent_hand(10, at=(200 + palms * PALM_PX * (way if turn % 2 == 0 else 1 - way), 240))

    def in_noise(time_s: float) -> Hand:
        return trembling(movement(time_s), pixels, random)

    folders = [
        write_session(tmp_path / name, each, task="reach", fps=fps, seconds=20)
        for name, each in (("a", movement), ("b", in_noise))
    ]
    exact, noisy = (measured(folder)["smoothness, LDLJ"] for folder in folders)
    assert exact.valid
    assert exact.value == pytest.approx(-4.45, abs=0.1)
    assert noisy.valid == (takes_s < 1)
    if noisy.valid:
        assert noisy.value == pytest.approx(exact.value, abs=0.2)
    else:
        assert "noise of the landmarks makes up" in noisy.problem
    assert "the smaller the hand" in noisy.definition


@pytest.mark.parametrize("pixels", [0.0, 0.5])
@pytest.mark.parametrize("fps", [29.97, 30.0, 60.0])
@pytest.mark.parametrize("way_s", [0.43, 0.83])
def test_reaches_that_turn_without_a_rest_are_told_apart(
    tmp_path: Path, way_s: float, fps: float, pixels: float
) -> None:
    """To and fro like a pendulum: the hand is slow for less than a frame where it turns."""
    random = np.random.default_rng(0)

    def movement(time_s: float) -> Hand:
        ways = np.clip((time_s - 1.013) / way_s, 0, 20)
        x = 200 + 240 * float(0.5 - 0.5 * np.cos(np.pi * ways))
        return trembling(bent_hand(10, at=(x, 240)), pixels, random)

    folder = write_session(tmp_path, movement, task="reach", fps=fps, seconds=2.5 + 20 * way_s)
    found = measured(folder)
    assert found["movements"].value == 20
    assert found["path ratio"].value == pytest.approx(1, abs=0.02)
    assert found["peak speed"].value == pytest.approx(1.5 * np.pi / way_s, rel=0.03)
