"""The weights that ship help on photographs that they never saw, and harm nothing sharp."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.evaluation import evaluate
from calibration.pairs import PairRecipe
from calibration.photographs import (
    find_photographs,
    read_photograph,
    split_photographs,
    trained_on,
)
from calibration.training_data import open_training_data
from calibration.trajectory import Movement
from engines.engine import EngineShape
from engines.openvino import OpenVINOEngine
from engines.profile import Profile, load_profile
from engines.selfcheck import psnr_db
from engines.torch import fused_from_profile


def test_gain_on_held_out_photographs_is_positive(balanced: Profile, media: Path) -> None:
    data = open_training_data(
        [media / "photos"], PairRecipe(), seed=0, crops=0, validation_crops=16
    )
    training = balanced.card["training"]
    assert set(data.held_out_names) <= set(training["held_out"])
    assert not set(training["held_out"]) & set(training["data"])
    result = evaluate(fused_from_profile(balanced).deblurrer, *data.validation)
    assert result.gain_db > 1.0
    assert result.improved_share > 0.7


def test_quality_sees_through_movements_in_a_line(balanced: Profile, media: Path) -> None:
    quality = load_profile("quality")
    moves = Movement(linear_share=1.0)
    data = open_training_data(
        [media / "photos"],
        PairRecipe.for_training(192, moves, 0.35),
        seed=0,
        crops=0,
        validation_crops=16,
    )
    assert not set(data.held_out_names) & set(quality.card["training"]["data"])
    by_quality, by_balanced = (
        evaluate(fused_from_profile(profile).deblurrer, *data.validation)
        for profile in (quality, balanced)
    )
    assert by_quality.gain_db > by_balanced.gain_db + 0.3
    assert by_quality.improved_share > 0.9


def test_sharp_photographs_stay_as_they_are(balanced: Profile, media: Path) -> None:
    _, held_out = split_photographs(find_photographs([media / "photos"]))
    engine = OpenVINOEngine(balanced, EngineShape(height=240, width=320), "f32")
    distances = []
    for path in held_out:
        photograph = cv2.resize(read_photograph(path), None, fx=0.5, fy=0.5,
                                interpolation=cv2.INTER_AREA)  # fmt: skip
        frame = np.ascontiguousarray(photograph[:240, :320], np.uint8)
        distances.append(psnr_db(engine(frame[None])[0], frame))
    assert np.mean(distances) > 38


def test_card_tells_where_the_weights_come_from(balanced: Profile) -> None:
    training = balanced.card["training"]
    assert training["crops"] > 0
    assert training["data"]
    assert training["commit"]
    assert training["validation_gain_db"] > 0
    assert pytest.approx(training["validation_gain_db"], abs=1e-3) == (
        training["validation_psnr_out_db"] - training["validation_psnr_in_db"]
    )


@pytest.mark.parametrize("name", ["balanced", "fast"])
def test_what_a_start_learned_from_is_never_called_unseen(name: str) -> None:
    """Both began with parts of ``quality``."""
    card = load_profile(name).card
    assert set(trained_on(load_profile("quality").card)) <= set(trained_on(card))
    assert not set(card["training"]["held_out"]) & set(trained_on(card))
