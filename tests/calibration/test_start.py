"""What a run began with is known by its weights, however it is called when the run goes on."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.numpy import save_file

from calibration.errors import CalibrationError
from calibration.export_run import export_run
from calibration.start import network_of
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from calibration.training_run import CHECKPOINT
from engines.files import sha256_of
from engines.networks import named_specification
from engines.profile import CARD, WEIGHTS, load_profile
from tests.calibration.test_training import PAIRS
from tests.conftest import PLAIN_SHORT
from tests.engines.test_profile import rewrite_card


@pytest.fixture
def settings(photographs: Path, tmp_path: Path) -> DeblurrerTraining:
    return DeblurrerTraining(
        data=(photographs,),
        out=tmp_path / "run",
        crops=8,
        batch=4,
        network=named_specification("plain-short"),
        pairs=PAIRS,
        validation_crops=2,
        start=str(PLAIN_SHORT),
    )


def test_resumed_run_tells_what_it_began_with_though_nobody_names_it(
    settings: DeblurrerTraining,
) -> None:
    first = DeblurrerTrainer(settings)
    first.save()
    told = first.card(first.validate())
    assert told["start_sha256"] == load_profile(settings.start).weights_sha256
    assert len(told["data"]) > 6, "what the weights that it began with were trained on, too"
    again = DeblurrerTrainer(replace(settings, start=None))
    assert again.card(again.validate()) == told


def test_run_does_not_go_on_with_another_beginning(settings: DeblurrerTraining) -> None:
    DeblurrerTrainer(settings).save()
    with pytest.raises(CalibrationError, match=r"began with other weights, .* leave --from out"):
        DeblurrerTrainer(replace(settings, start="fast"))
    fresh = replace(settings, out=settings.out.with_name("fresh"), start=None)
    DeblurrerTrainer(fresh).save()
    with pytest.raises(CalibrationError, match=r"began with fresh weights.* leave --from out"):
        DeblurrerTrainer(replace(fresh, start=settings.start))


def test_checkpoint_that_does_not_tell_its_beginning_goes_on(settings: DeblurrerTraining) -> None:
    trainer = DeblurrerTrainer(settings)
    trainer.crops_done = 4
    trainer.save()
    state = torch.load(trainer.checkpoint, weights_only=True)
    del state["start"], state["seconds_before"]
    torch.save(state, trainer.checkpoint)
    assert DeblurrerTrainer(settings).crops_done == 4


def test_weights_are_not_mixed_with_others_than_they_began_with(
    settings: DeblurrerTraining, tmp_path: Path
) -> None:
    own = tmp_path / "mine"
    shutil.copytree(PLAIN_SHORT, own)
    on = replace(settings, start=str(own))
    DeblurrerTrainer(on).run(lambda state: None)
    card = json.loads((own / CARD).read_text())  # as an export with --keep onto it leaves it
    save_file({name: w / 2 for name, w in load_profile(str(own)).weights.items()}, own / WEIGHTS)
    card["sha256"][WEIGHTS] = sha256_of(own / WEIGHTS)
    (own / CARD).write_text(json.dumps(card))
    with pytest.raises(CalibrationError, match=r"other weights than the run began with.* --keep"):
        export_run(on.out, tmp_path / "mixed", "mixed", "", None, Console(quiet=True), keep=0.5)


def test_network_is_that_of_the_weights_unless_another_is_named(tmp_path: Path) -> None:
    assert network_of(None, None, tmp_path / CHECKPOINT) == named_specification("plain")
    assert network_of(None, "fast", tmp_path / CHECKPOINT) == named_specification("fast")
    assert network_of("balanced", "fast", tmp_path / CHECKPOINT) == named_specification("balanced")


def test_run_that_goes_on_has_its_network_whatever_else_is_named(
    settings: DeblurrerTraining,
) -> None:
    """`leave --from out to go on` ended in `was trained with another network`."""
    run = DeblurrerTrainer(settings)
    run.save()
    assert network_of(None, None, run.checkpoint) == settings.network
    assert network_of(None, "fast", run.checkpoint) == settings.network
    assert network_of("balanced", None, run.checkpoint) == named_specification("balanced")


def test_what_the_beginning_left_alone_is_left_alone(
    settings: DeblurrerTraining, tmp_path: Path
) -> None:
    own = tmp_path / "mine"
    shutil.copytree(PLAIN_SHORT, own)
    rewrite_card(own, left_below=0.3)
    DeblurrerTrainer(replace(settings, start=str(own))).run(lambda state: None)

    def exported(**asked: float) -> float:
        export_run(settings.out, tmp_path / "on", "on", "", None, Console(quiet=True), **asked)
        return load_profile(str(tmp_path / "on")).left_below

    assert exported(keep=0.5) == 0.3
    assert exported(left_below=2.0) == 2.0
