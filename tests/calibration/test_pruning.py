import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from calibration.errors import CalibrationError
from calibration.inherit import inherit
from calibration.measures import psnr_db
from calibration.pairs import PairRecipe
from calibration.profile_networks import part_weights
from calibration.pruning import blurred_pictures
from engines.engine import EngineShape
from engines.export import export_deblurrer
from engines.networks import PlainUNet, PlainUNetSpec
from engines.openvino import OpenVINOEngine
from engines.profile import CARD, Profile, load_profile
from engines.selfcheck import fixed_frames
from tests.conftest import blur2blur

SPEC = PlainUNetSpec(width=32, encoder_blocks=(1,), decoder_blocks=())
SHAPE = EngineShape(height=64, width=96)


@pytest.fixture(scope="module")
def drowsy(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """A network of which 20 channels within a block never wake."""
    folder = tmp_path_factory.mktemp("profiles") / "drowsy"
    torch.manual_seed(0)
    network = PlainUNet(SPEC)
    nn.init.normal_(network.head.get_parameter("0.weight"), 0, 0.02)
    network.get_parameter("encoders.0.0.body.0.bias").data[:20] = -100.0
    weights = network.state_dict()
    card = {"about": "of a test", "quality": {"psnr": 1}}
    export_deblurrer(folder, name="drowsy", network=SPEC, weights=weights, card=card)
    return load_profile(str(folder))


def test_what_sleeps_is_not_computed_and_nothing_else_changes(
    drowsy: Profile, photographs: Path, tmp_path: Path
) -> None:
    result = blur2blur(
        "train", "prune", drowsy.folder, "--data", photographs, "--to", tmp_path / "quicker",
        "--pictures", "10",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "computes 16 of 32 channels" in " ".join(result.stderr.split())
    after = load_profile(str(tmp_path / "quicker"))
    assert after.card["pruned"]["channels"] == {"encoders.0.0": [16, 32]}
    assert after.card["about"] == "of a test"
    assert "quality" not in after.card, "those figures were of other weights"
    assert json.loads((after.folder / "profile.json").read_text())["name"] == "quicker"
    frames = fixed_frames(SHAPE.height, SHAPE.width)
    old, new = (
        np.concatenate([OpenVINOEngine(p, SHAPE, "f32")(frames[i : i + 1]) for i in (0, 1)])
        for p in (drowsy, after)
    )
    assert np.abs(old.astype(int) - new.astype(int)).max() <= 1
    assert psnr_db(old, frames) < 40, "the network does something"


def test_training_goes_on_from_it_in_the_old_shape(drowsy: Profile) -> None:
    network = PlainUNet(SPEC)
    inherit(network, part_weights(drowsy, "deblurrer"))
    assert network.get_parameter("encoders.0.0.body.0.weight").shape == (32, 32, 3, 3)


def test_pictures_are_of_the_kinds_that_were_learned_from(balanced: Profile) -> None:
    recipe, told = PairRecipe.told_by(balanced.card, 256), balanced.card["training"]["pairs"]
    assert recipe.crop_px == 256
    assert recipe.webcam.share == told["webcam"]["share"] > 0
    assert recipe.webcam.h264_crf == tuple(told["webcam"]["h264_crf"])
    assert recipe.even_share == told["even_share"] > 0
    assert recipe.moving.min_size == told["moving"]["min_size"] < PairRecipe().moving.min_size


def test_what_was_learned_from_is_looked_at_and_what_was_tested_on_is_not(
    balanced: Profile, photographs: Path
) -> None:
    names = [path.name for path in photographs.iterdir()]
    learned, tested = (
        replace(balanced, card={**balanced.card, "training": {"data": [], **training}})
        for training in ({"data": names}, {"held_out": names})
    )
    assert len(list(blurred_pictures(learned, [photographs], 2, 0))) == 2
    with pytest.raises(CalibrationError, match="were tested on all of that"):
        blurred_pictures(tested, [photographs], 2, 0)


def test_folder_with_something_else_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    nothing = tmp_path / "no-photographs"
    result = blur2blur("train", "prune", "balanced", "--data", nothing, "--to", tmp_path)
    assert result.returncode == 1
    assert "there is something else" in " ".join(result.stderr.split())


def test_profile_with_a_translator_is_refused(tmp_path: Path, quick: Profile) -> None:
    made = tmp_path / "mycam"
    shutil.copytree(quick.folder, made)
    card = {**quick.card, "translator": quick.card["deblurrer"]}
    (made / CARD).write_text(json.dumps(card))
    result = blur2blur("train", "prune", made, "--data", tmp_path, "--to", tmp_path / "x")
    assert result.returncode == 1
    assert "has a translator" in " ".join(result.stderr.split())
