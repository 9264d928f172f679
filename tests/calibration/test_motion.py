"""What a network that looks for motion is taught."""

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from calibration.errors import CalibrationError
from calibration.inherit import inherit
from calibration.known_blur import KnownBlur
from calibration.motion import (
    MotionCrops,
    SecondReading,
    cell_motion,
    displacements,
    learn_to_read,
    motion_loss,
)
from calibration.object_motion import ObjectMotion
from calibration.pairs import BlurredCrops, Example, PairRecipe
from calibration.processes import workers_that_fit
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from engines.networks import MotionUNet, MotionUNetSpec, PlainUNetSpec, named_specification
from engines.networks.spectra import linear_light
from tests.conftest import discs

SPEC = MotionUNetSpec(width=8, encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1), hidden=32)
STILL = displacements(None)


def crops(length: int, *, moving: float = 0.0, px: int = 128) -> BlurredCrops:
    recipe = PairRecipe(
        known=KnownBlur(min_extent_px=12, max_extent_px=16),
        moving=ObjectMotion(min_extent_px=12, max_extent_px=16),
        moving_share=moving,
        sharp_share=0.0,
        crop_px=px,
        min_scale=0.9,
    )
    return BlurredCrops([discs(i, 300, 300) for i in range(3)], recipe, 1, length)


def test_displacements_say_where_and_how_long() -> None:
    assert STILL.reshape(27, 27)[13, 13] == 1.0
    path = np.array([[-4.0, 2.0]] * 3 + [[6.0, 0.0]])
    shares = displacements(path).reshape(27, 27)
    assert shares[14, 11] == 0.75
    assert shares[13, 16] == 0.25
    assert displacements(np.array([[90.0, 0.0]])).reshape(27, 27)[13, 26] == 1.0


def test_crops_are_the_pairs_and_their_motion() -> None:
    plain = crops(4, moving=0.5)
    told = MotionCrops(plain, told_share=0.5)
    for i in range(4):
        blurred, sharp, shares, presence, _ = told[i]
        assert torch.equal(blurred, plain[i][0])
        assert torch.equal(sharp, plain[i][1])
        assert shares.sum() == pytest.approx(1)
        assert presence.shape == (8, 8)
        assert 0 <= presence.min() <= presence.max() <= 1
    flags = [bool(told[i][4]) for i in range(4)]
    assert flags == [bool(told[i][4]) for i in range(4)], "a resumed run is told the same"


def test_cells_share_between_what_moved_and_what_stood_still() -> None:
    shares = torch.zeros(1, 729)
    shares[0, 5] = 1.0
    cells = cell_motion(shares, torch.tensor([[[1.0, 0.25]]]))
    assert cells[0, 5, 0].tolist() == [1.0, 0.25]
    assert cells[0, 364, 0].tolist() == [0.0, 0.75]
    certain = torch.log(cells.clamp_min(1e-9))
    assert motion_loss(certain, cells) < motion_loss(certain.roll(1, 1), cells)


@pytest.fixture(scope="module")
def once() -> MotionUNet:
    """It has read some hundred spectra."""
    torch.manual_seed(0)
    network = SPEC.build()
    assert not network.can_read
    stages = set()
    learn_to_read(network, crops(512), lambda what, done, of: stages.add(what))
    assert stages == {"reading spectra", "learning to read spectra"}
    assert network.can_read
    return network


@pytest.fixture(scope="module")
def others() -> list[torch.Tensor]:
    """What else moved: blurred pictures (48, 3, 128, 128), and displacements."""
    pairs = BlurredCrops(crops(1).photographs, crops(1).recipe, 77, 48)
    items = [MotionCrops(pairs, 0.0)[i] for i in range(48)]
    return [torch.stack([item[part] for item in items]) for part in (0, 2)]


def motion_loss_of_the_mean(truth: torch.Tensor) -> torch.Tensor:
    mean = torch.stack([MotionCrops(crops(512), 0.0)[i][2] for i in range(100)]).mean(0)
    return motion_loss((mean + 1e-4).log().expand(len(truth), -1), truth)


def test_spectra_can_be_read(once: MotionUNet, others: list[torch.Tensor]) -> None:
    """It knows more of the blur of others than their mean says."""
    blurred, truth = others
    with torch.no_grad():
        statistics = once.reader.statistics(linear_light(blurred / 255.0))
        read = torch.log_softmax(once.reader.logits(statistics.everywhere)[:, :, 0, 0], dim=1)
    assert motion_loss(read, truth) < motion_loss_of_the_mean(truth)


def test_a_second_look_learns_to_read_and_the_first_one_stays(
    once: MotionUNet, others: list[torch.Tensor]
) -> None:
    torch.manual_seed(0)
    network = replace(SPEC, looks=2).build()
    inherit(network, once.state_dict())
    assert not network.can_read
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learn_to_read(network, crops(512), lambda what, done, of: None)
    assert network.can_read
    now = network.state_dict()
    changed = {name for name, tensor in now.items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith("second.reader.") for name in changed)
    blurred, truth = others
    with torch.no_grad():
        reading = SecondReading(network)
        _, everywhere = reading.statistics(blurred / 255.0)
        read = torch.log_softmax(reading.logits(everywhere, 0.0)[:, :, 0, 0], dim=1)
    assert motion_loss(read, truth) < motion_loss_of_the_mean(truth)


class Failing(BlurredCrops):
    def example(self, random: np.random.Generator) -> Example:
        raise OSError("a photograph is gone")


def test_processes_end_with_the_reading_that_failed() -> None:
    """They leave signals to it; what waited for them at its end would wait for ever."""
    before = multiprocessing.active_children()
    failing = Failing(crops(1).photographs, crops(1).recipe, 1, 512)
    with pytest.raises(OSError, match="a photograph is gone") as failed:
        learn_to_read(SPEC.build(), failing, lambda what, done, of: None)
    left = [child for child in multiprocessing.active_children() if child not in before]
    for child in left:
        child.kill()
    assert failed.tb is not None, "what it holds is not forgotten yet"
    assert not left


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds processes")
def test_reading_starts_a_process_for_each_core_that_it_may_use() -> None:
    """It started one for each core of the machine, in a container of few, too."""
    before, running = os.sched_getaffinity(0), set[int]()
    others = multiprocessing.active_children()
    os.sched_setaffinity(0, {min(before)})
    try:
        learn_to_read(
            SPEC.build(),
            crops(16),
            lambda what, done, of: running.add(len(multiprocessing.active_children())),
        )
    finally:
        os.sched_setaffinity(0, before)
    assert max(running) == len(others) + 1


@pytest.mark.parametrize(
    ("cores", "start_method", "workers"),
    [(1, "fork", 1), (64, "fork", 64), (64, "spawn", 4), (64, "forkserver", 4), (2, "spawn", 2)],
)
def test_few_processes_hold_photographs_of_their_own(
    cores: int, start_method: str, workers: int
) -> None:
    assert workers_that_fit(cores, start_method) == workers


def settings(photographs: Path, folder: Path) -> DeblurrerTraining:
    """A short run of a small network."""
    recipe = replace(
        crops(1, moving=0.3, px=64).recipe, known=KnownBlur(min_extent_px=4, max_extent_px=6)
    )
    return DeblurrerTraining(
        data=(photographs,),
        out=folder / "run",
        crops=16,
        batch=4,
        network=SPEC,
        pairs=recipe,
        validation_crops=2,
        spectra=16,
    )


def test_a_second_look_needs_a_first(photographs: Path, tmp_path: Path) -> None:
    twice = replace(settings(photographs, tmp_path), network=replace(SPEC, looks=2))
    with pytest.raises(CalibrationError, match="--from quality"):
        DeblurrerTrainer(twice)


def test_weights_that_look_twice_go_on(photographs: Path, tmp_path: Path) -> None:
    """The shipped ones can read, and only their second look learns."""
    shipped = replace(
        settings(photographs, tmp_path), network=named_specification("quality"), start="quality"
    )
    trainer = DeblurrerTrainer(shipped)
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.run(lambda state: None)
    after = trainer.network.state_dict()
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith("second.") for name in changed)


def test_what_was_learned_about_reading_outlives_an_interruption(
    photographs: Path, tmp_path: Path
) -> None:
    run = settings(photographs, tmp_path)
    stages: list[str] = []
    first = DeblurrerTrainer(run, lambda what, done, of: stages.append(what))
    assert "reading spectra" in stages
    stages.clear()
    again = DeblurrerTrainer(run, lambda what, done, of: stages.append(what))
    assert not stages
    assert again.crops_done == 0
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor), name


def test_learning_to_read_counts_on_the_card_and_comes_on_top_of_the_time_that_is_given(
    photographs: Path, tmp_path: Path
) -> None:
    run = replace(settings(photographs, tmp_path), minutes=1.0)
    first = DeblurrerTrainer(run)
    assert first.seconds_before > 0
    first.seconds_before = 1800.0
    first.save()
    again = DeblurrerTrainer(run)
    assert not again.finished
    card = again.card(again.validate())
    assert card["hours"] == card["hours_with_earlier_runs"] == 0.5


def test_training_run(photographs: Path, tmp_path: Path) -> None:
    """Trained, stopped and gone on with; it reads spectra before, and only once."""
    once = settings(photographs, tmp_path)
    trainer = DeblurrerTrainer(once)
    trainer.run(lambda state: None)
    again = DeblurrerTrainer(replace(once, crops=24))
    assert again.crops_done == 16
    assert isinstance(again.averaged, MotionUNet)
    assert again.averaged.can_read
    again.run(lambda state: None)
    assert again.finished
    plain = PlainUNetSpec(width=8, encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1))
    others = DeblurrerTrainer(replace(once, out=tmp_path / "plain", network=plain))
    assert len(others.dataset[0]) == 2, "one that does not look is not told"
