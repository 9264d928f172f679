"""Pairs that are made on a device are those that a processor makes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils.data import default_collate

from calibration.camera import through_jpeg as jpeg_file
from calibration.camera import to_display, to_linear
from calibration.device_crops import CropPlans, Plans, render
from calibration.jpeg import through_jpeg
from calibration.known_blur import blur
from calibration.motion import MotionCrops
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.trajectory import Movement


@pytest.fixture(scope="module", params=[0.0, 0.5], ids=["textured", "half-even"])
def crops(request: pytest.FixtureRequest) -> BlurredCrops:
    recipe = PairRecipe.for_training(64, Movement(linear_share=0.4), 0.5, even_share=request.param)
    return BlurredCrops([photograph()], recipe, 0, 256)


def photograph() -> NDArray[np.uint8]:
    squares = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    return np.asarray(cv2.resize(squares, (420, 420), interpolation=cv2.INTER_NEAREST), np.uint8)


def rendered(crops: BlurredCrops, count: int) -> tuple[Plans, tuple[torch.Tensor, ...]]:
    plans = CropPlans(crops, 0.25)
    batch = Plans(*default_collate([plans[i] for i in range(count)]))
    return batch, render(batch)


def test_a_shaken_picture_is_what_the_known_blur_makes_of_its_window(crops: BlurredCrops) -> None:
    plans, (blurred, sharp, *_) = rendered(crops, 24)
    margin = plans.kernels.shape[-1] // 2
    shaken = [i for i in range(24) if bool((plans.opacity[i] == 255).all())]
    assert len(shaken) >= 5
    for i in shaken:
        window, kernel = plans.surface[i].numpy(), plans.kernels[i].numpy()
        light = blur(to_linear(window), kernel)[margin:-margin, margin:-margin]
        truth = window[margin:-margin, margin:-margin].transpose(2, 0, 1)
        assert np.abs(sharp[i].numpy() - truth).max() <= 1
        if plans.quality[i] == 0:
            error = blurred[i].numpy() - to_display(light).transpose(2, 0, 1)
            assert error.std() == pytest.approx(float(plans.noise[i]), abs=0.35)


def test_pairs_are_as_hard_and_as_moved_as_those_of_a_processor(crops: BlurredCrops) -> None:
    _, (blurred, sharp, shares, presence, told) = rendered(crops, 256)
    others = MotionCrops(crops, 0.25)
    theirs = default_collate([others[i] for i in range(256)])
    assert [part.shape for part in theirs] == [
        part.shape for part in (blurred, sharp, shares, presence, told)
    ]
    hard, as_hard = (
        (255.0**2 / (a.float() - b.float()).square().mean(dim=(1, 2, 3)).clamp_min(0.1)).log10()
        for a, b in ((blurred, sharp), theirs[:2])
    )
    assert float(hard.median()) == pytest.approx(float(as_hard.median()), abs=0.15)
    assert torch.allclose(shares.sum(dim=1), torch.ones(256))
    assert float(told.float().mean()) == pytest.approx(0.25, abs=0.1)
    centre = shares.shape[1] // 2  # no two moved alike, and some not at all
    assert 0.02 < float((shares[:, centre] == 1).float().mean()) < 0.2


def test_things_are_as_large_where_the_camera_moves_farther_than_they() -> None:
    """They were larger by what the camera's movements take around a crop."""
    slow = Movement(min_extent_px=1.0, max_extent_px=2.0)
    recipe = PairRecipe.for_training(64, Movement(max_extent_px=60.0), 0.9, objects=slow)
    pairs = BlurredCrops([photograph()], replace(recipe, moving_share=1.0, sharp_share=0.0), 0, 120)
    plans, others = CropPlans(pairs), MotionCrops(pairs, 0.0)
    inner = slice(recipe.margin_px, -recipe.margin_px)
    shapes = np.stack([plans[i][2].numpy()[inner, inner] for i in range(120)]) / 255
    presence = shapes.reshape(120, 4, 16, 4, 16).mean(axis=(2, 4))
    theirs = np.stack([others[i][3].numpy() for i in range(120)])
    assert presence.mean() == pytest.approx(theirs.mean(), rel=0.02)
    assert presence[:, 0].mean() == pytest.approx(theirs[:, 0].mean(), rel=0.02), "at the border"


def test_a_batch_is_the_same_every_time(crops: BlurredCrops) -> None:
    for one, other in zip(rendered(crops, 4)[1], rendered(crops, 4)[1], strict=True):
        assert torch.equal(one, other)


def test_a_crop_does_not_depend_on_those_beside_it(crops: BlurredCrops) -> None:
    plans, (blurred, *_) = rendered(crops, 4)
    alone, *_ = render(Plans(*(part[2:3] for part in plans)))
    assert float((alone[0] - blurred[2]).abs().mean()) < 0.01, "but for a step of rounding"


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_jpeg_without_its_file_loses_what_libjpeg_loses(quality: int) -> None:
    random = np.random.default_rng(1)
    picture = cv2.resize(random.integers(0, 256, (24, 32, 3), np.uint8), (256, 192))
    picture = np.asarray(picture, np.uint8)
    file = jpeg_file(picture, quality).astype(np.float32)
    tensor = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
    ours = through_jpeg(tensor, torch.tensor([quality]))[0].numpy().transpose(1, 2, 0)
    lost, difference = (np.square(a - file).mean() for a in (picture.astype(np.float32), ours))
    assert difference < 0.15 * lost
