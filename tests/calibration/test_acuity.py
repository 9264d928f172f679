from collections.abc import Sequence

import numpy as np
import pytest

from calibration.acuity import TILE_PX, AcuityRule, Verdict, judge, look_at, noise_level
from calibration.frame_sorter import FrameSorter
from calibration.recording import RecordingRule
from tests.calibration.virtual_camera import FPS, HEIGHT, WIDTH, Shot, shots


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("object_only", [False, True])
def test_frames_of_a_camera_with_known_blur_are_sorted_rightly(
    seed: int, object_only: bool
) -> None:
    seen = list(shots(150, seed, object_only=object_only))
    looks = [look_at(shot.pixels, number / FPS) for number, shot in enumerate(seen)]
    right: list[bool] = []
    kinds = set()
    for number, shot in enumerate(seen):
        near = looks[max(0, number - 90) : number + 91]
        verdict = judge(looks[number], near, AcuityRule()).verdict
        if verdict is not Verdict.UNCLEAR:
            kinds.add(verdict)
            right.append((shot.extent_px > 3) == (verdict is Verdict.BLURRY))
    assert kinds == {Verdict.SHARP, Verdict.BLURRY}
    assert len(right) > 60
    assert np.mean(right) >= 0.95


def sorted_by_kind(seen: Sequence[Shot], times: int) -> list[Verdict]:
    """Of a clip that shows each of these so many times."""
    sorter, verdicts = FrameSorter(RecordingRule()), list[Verdict]()
    for number, shot in enumerate(seen):
        for copy in range(times):
            judged = sorter.add((number + copy / times) / FPS, shot.pixels)
            verdicts += [judgement.verdict for _, _, judgement in judged]
    return verdicts + [judgement.verdict for _, _, judgement in sorter.rest()]


def test_repeat_is_no_sharper_than_what_it_repeats() -> None:
    """As in a clip of 60 frames per second of a webcam that gives 30, or 15 in the evening.

    It begins in the midst of a movement.
    """
    seen = list(shots(90, 0, object_only=True))
    seen = seen[next(number for number, shot in enumerate(seen) if shot.extent_px > 3) :]
    moves = np.array([shot.extent_px > 3 for shot in seen])
    once = sorted_by_kind(seen, 1)
    assert {Verdict.SHARP, Verdict.BLURRY} <= set(once)
    for times in (2, 4):
        copies = np.reshape(sorted_by_kind(seen, times), (-1, times))
        assert Verdict.SHARP not in copies[moves]
        assert np.mean(copies == np.array(once)[:, None]) >= 0.95


def test_only_what_moves_is_judged() -> None:
    seen = list(shots(60, 4, object_only=True))
    looks = [look_at(shot.pixels, number / FPS) for number, shot in enumerate(seen)]
    moving = [number for number, shot in enumerate(seen) if shot.extent_px > 5]
    judged = judge(looks[moving[2]], looks, AcuityRule())
    assert 0 < judged.moving_share < 0.5
    assert judged.region.mean() < 0.6


def test_what_moves_is_judged_where_it_is() -> None:
    """Of a frame whose sides are no multiples of a tile's, as 1080 and 720 rows are none."""
    random = np.random.default_rng(0)
    still = random.integers(0, 256, (8 * TILE_PX + 24, 10 * TILE_PX + 24, 3), np.uint8)
    moved = still.copy()
    last = np.s_[7 * TILE_PX : 8 * TILE_PX, 8 * TILE_PX : 10 * TILE_PX]
    moved[last] = 255 - moved[last]
    looks = [look_at(pixels, at_s) for at_s, pixels in enumerate((still, moved))]
    region = judge(looks[1], looks, AcuityRule()).region
    assert np.argwhere(region).tolist() == [[7, 8], [7, 9]]


def test_nothing_to_see_is_unclear() -> None:
    wall = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    look = look_at(wall, 0.0)
    assert judge(look, [look], AcuityRule()).verdict is Verdict.UNCLEAR


def test_beside_nothing_but_repeats_nothing_is_known_to_be_sharp() -> None:
    """A photograph has no neighbours; those of a burst may repeat one moving frame."""
    blurred = next(s.pixels for s in shots(60, 4, object_only=False) if s.extent_px > 5)
    looks = [look_at(blurred, number / FPS) for number in range(FPS)]
    for near in ([], looks[:1], looks[:6]):
        assert judge(looks[0], near, AcuityRule()).verdict is Verdict.UNCLEAR
    assert judge(looks[0], looks, AcuityRule()).verdict is Verdict.SHARP, "it stands still"


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_noise_is_measured(sigma: float) -> None:
    random = np.random.default_rng(0)
    ramp = np.linspace(40, 200, WIDTH)[None, :, None]
    grey = ramp + sigma * random.normal(size=(HEIGHT, WIDTH, 1))
    pixels = np.repeat(np.rint(grey), 3, axis=2).astype(np.uint8)
    assert noise_level(pixels) == pytest.approx(sigma, rel=0.25)
