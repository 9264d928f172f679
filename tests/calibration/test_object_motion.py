from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.camera import Camera
from calibration.measures import psnr_db
from calibration.object_motion import MovingObject, ObjectMotion, evened
from calibration.pairs import BlurredCrops, PairRecipe, detail
from calibration.trajectory import Movement
from tests.conftest import discs

QUIET = ObjectMotion(camera=Camera(max_noise=0))


def scene(seed: int, domain: ObjectMotion = QUIET) -> MovingObject:
    random = np.random.default_rng(seed)
    side = 128 + 2 * domain.margin_px
    background, texture = (random.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in "ab")
    return domain.apply(background, texture, random)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_background_stands_still_and_the_object_moves(seed: int) -> None:
    made = scene(seed)
    assert made.blurred.shape == made.sharp.shape == (128, 128, 3)
    assert made.presence.min() >= -1e-4
    assert made.presence.max() <= 1 + 1e-4
    still = made.presence < 1e-6
    assert np.abs(made.blurred[still].astype(int) - made.sharp[still]).max(initial=0) <= 1
    moves = made.presence > 0.02
    if moves.sum() > 100:
        assert psnr_db(made.blurred[moves], made.sharp[moves]) < 30


def test_same_seed_same_scene() -> None:
    assert np.array_equal(scene(3).blurred, scene(3).blurred)
    assert not np.array_equal(scene(3).blurred, scene(4).blurred)


def test_object_that_does_not_move_is_its_truth() -> None:
    made = scene(1, ObjectMotion(min_extent_px=0, max_extent_px=0, camera=Camera(max_noise=0)))
    assert np.abs(made.blurred.astype(int) - made.sharp).max() <= 1


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_an_even_surface_has_little_detail_and_is_nearer_to_what_is_behind(seed: int) -> None:
    random = np.random.default_rng(seed)
    texture = random.integers(100, 256, (64, 64, 3), dtype=np.uint8)
    still = random.integers(0, 100, (64, 64, 3), dtype=np.uint8)
    surface = evened(texture, still, random)
    assert detail(surface) < 0.1 * detail(texture)
    mean, far, near = (picture.mean() for picture in (surface, texture, still))
    assert near + 0.25 * (far - near) < mean < far + 1


def test_a_share_of_moving_objects_is_even() -> None:
    """Where an object covers a pixel all the time, its surface is seen."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)

    def surfaces(even_share: float) -> list[float]:
        recipe = PairRecipe(
            moving=QUIET, moving_share=1.0, sharp_share=0.0, even_share=even_share, min_scale=1.0
        )
        crops = BlurredCrops([noise], recipe, 0, 24)
        made = (crops.example(np.random.default_rng(i)) for i in range(24))
        inside = [(e.sharp[:, :, 1].astype(float), e.presence > 0.999) for e in made]
        return [float(green[covered].std()) for green, covered in inside if covered.sum() > 300]

    textured, even = surfaces(0.0), surfaces(1.0)
    assert min(len(textured), len(even)) > 15
    assert max(even) < min(textured)


@pytest.mark.parametrize(
    "arguments", [{"min_extent_px": 9, "max_extent_px": 3}, {"min_size": 0}, {"max_size": 0.1}]
)
def test_impossible_motion_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        ObjectMotion(**arguments)


def test_objects_may_move_further_than_the_camera_shakes() -> None:
    shake = Movement(min_extent_px=3.0, max_extent_px=12.0)
    recipe = PairRecipe.for_training(64, shake, 0.5, objects=replace(shake, max_extent_px=40.0))
    assert recipe.known.max_extent_px == 12
    assert recipe.margin_px == 41
    crops = BlurredCrops([discs(1, 400)], replace(recipe, sharp_share=0.0), 0, 60)
    examples = [crops.example(np.random.default_rng((0, number))) for number in range(60)]
    ways = [(np.ptp(e.path, axis=0).max(), e.presence is not None) for e in examples]
    assert max(way for way, is_object in ways if not is_object) <= 12.001
    assert max(way for way, is_object in ways if is_object) > 30
