import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from calibration.errors import CalibrationError
from calibration.evaluation import Evaluation
from calibration.export_run import export_run
from calibration.known_blur import KnownBlur
from calibration.object_motion import ObjectMotion
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.photographs import find_photographs, read_photograph, split_photographs
from calibration.profile_networks import part_weights
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from calibration.trainer import learning_rate_factor
from calibration.training_run import RUN_CARD, TrainingState
from engines.networks import PlainUNetSpec, read_specification
from engines.profile import load_profile
from tests.calibration.test_folder_lock import held_by_another
from tests.conftest import blur2blur, discs

SMALL = PlainUNetSpec(width=8, encoder_blocks=(1, 1), decoder_blocks=(1,))
PAIRS = PairRecipe(
    known=KnownBlur(min_extent_px=4, max_extent_px=6),
    moving=ObjectMotion(min_extent_px=4, max_extent_px=6),
    crop_px=64,
    min_scale=0.9,
)


@pytest.fixture
def settings(photographs: Path, tmp_path: Path) -> DeblurrerTraining:
    return DeblurrerTraining(
        data=(photographs,),
        out=tmp_path / "run",
        crops=48,
        batch=4,
        network=SMALL,
        pairs=PAIRS,
        validation_crops=4,
    )


def test_pairs_depend_on_seed_and_index_only(photographs: Path) -> None:
    pictures = [read_photograph(p) for p in find_photographs([photographs])]
    first = BlurredCrops(pictures, PAIRS, seed=1, length=9)
    second = BlurredCrops(pictures, PAIRS, seed=1, length=3)
    for a, b in zip(first[2], second[2], strict=True):
        assert torch.equal(a, b)
        assert a.shape == (3, 64, 64)
    assert not torch.equal(first[2][0], first[3][0])
    assert not torch.equal(first[2][0], BlurredCrops(pictures, PAIRS, 2, 9)[2][0])


def test_training_improves_pictures_that_it_never_saw(settings: DeblurrerTraining) -> None:
    pairs = replace(PAIRS, moving_share=0.0, sharp_share=0.0)  # too little time to learn all
    quick = replace(settings, crops=1600, batch=8, pairs=pairs, ema_steps=20)
    trainer = DeblurrerTrainer(quick)
    before = trainer.validate()
    assert before.gain_db == pytest.approx(0, abs=1e-6), "untrained it is the identity"
    after = trainer.run(lambda state: None)
    assert after.gain_db > 0.01
    assert after.improved_share > 0.7
    lines = (quick.out / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["crops"] == 1600
    assert cv2.imread(str(quick.out / "examples.png")) is not None
    shown = EventAccumulator(str(quick.out / "tensorboard")).Reload()
    (last,) = shown.Scalars("validation/psnr_out_db")
    assert (last.step, last.value) == (1600, pytest.approx(after.psnr_out_db, abs=1e-3))
    assert "training/loss" in shown.Tags()["scalars"]
    assert shown.Tags()["images"] == ["examples"]


def test_interrupted_run_goes_on_exactly(settings: DeblurrerTraining, tmp_path: Path) -> None:
    straight = DeblurrerTrainer(settings)
    straight.run(lambda state: None)
    # Stop in the middle the way a full disk or a kill would: after a checkpoint, with no warning.
    first = DeblurrerTrainer(replace(settings, out=tmp_path / "other"))
    for number, (blurred, truth) in enumerate(first.batches(), start=1):
        first.step(blurred, truth)
        if number == 5:
            first.save()
            break
    second = DeblurrerTrainer(replace(settings, out=tmp_path / "other"))
    assert second.crops_done == 20
    second.run(lambda state: None)
    for key, value in straight.averaged.state_dict().items():
        assert torch.allclose(second.averaged.state_dict()[key], value, atol=1e-6), key


def test_a_run_goes_on_with_the_same_lessons_only(
    settings: DeblurrerTraining, tmp_path: Path
) -> None:
    trainer = DeblurrerTrainer(settings)
    trainer.run(lambda state: None)
    log = (settings.out / "log.jsonl").read_text()
    more = tmp_path / "more"
    more.mkdir()
    cv2.imwrite(str(more / "new.png"), discs(50, 300))
    changed = {
        "photographs": replace(settings, data=(*settings.data, more)),
        "ways to blur them": replace(settings, pairs=replace(PAIRS, moving_share=0.8)),
        "teacher": replace(settings, teacher="fast"),
        "seed": replace(settings, seed=1),
    }
    for what, other in changed.items():
        with pytest.raises(CalibrationError, match=f"learned with other .*{what}"):
            DeblurrerTrainer(other)
    again = DeblurrerTrainer(settings)
    assert again.finished
    again.run(lambda state: None)
    assert (settings.out / "log.jsonl").read_text() == log, "nothing was learned"


def test_finished_run_that_is_repeated_claims_no_other_options(
    settings: DeblurrerTraining,
) -> None:
    DeblurrerTrainer(settings).run(lambda state: None)
    card = settings.out / RUN_CARD
    told = card.read_text()
    assert "learning rate 0.001" in told
    other = replace(settings, learning_rate=3e-4)
    DeblurrerTrainer(other).run(lambda state: None)
    assert card.read_text() == told
    for lost in ('{"crops": 4}', "[]", ""):  # as of a run that was killed before it told
        card.write_text(lost)
        DeblurrerTrainer(other).run(lambda state: None)
        assert json.loads(card.read_text())["crops"] == settings.crops


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_second_run_in_a_folder_is_refused_while_the_first_goes_on(
    settings: DeblurrerTraining,
) -> None:
    """They overwrote each other's checkpoints."""
    settings.out.mkdir()
    with held_by_another(settings.out):
        with pytest.raises(CalibrationError, match=f"another process trains in {settings.out}"):
            DeblurrerTrainer(settings)
        assert [path.name for path in settings.out.iterdir()] == [".lock"]
    assert not DeblurrerTrainer(settings).finished


def test_crops_that_a_network_cannot_take_are_refused(settings: DeblurrerTraining) -> None:
    with pytest.raises(CalibrationError, match="multiples of 4 px, not 66"):
        DeblurrerTrainer(replace(settings, pairs=replace(PAIRS, crop_px=66)))


@pytest.mark.parametrize(
    "figures",
    [[1, 2], 3, {"rows": None}, {"rows": [1]}, {"rows": [{"name": "mine"}], "machine": "a PC"}],
)
def test_figures_of_another_shape_are_not_exported(figures: object, tmp_path: Path) -> None:
    (tmp_path / RUN_CARD).write_text('{"crops": 48}')
    quality = tmp_path / "quality.json"
    quality.write_text(json.dumps(figures))
    with pytest.raises(CalibrationError, match=r"quality\.json holds no figures of mine"):
        export_run(tmp_path, tmp_path / "mine", "mine", "", quality, Console(quiet=True))


def test_too_few_crops_for_a_step_are_refused_before_anything_is_written(
    settings: DeblurrerTraining,
) -> None:
    """It said that the run had finished before, and left untrained weights."""
    with pytest.raises(CalibrationError, match=r"7 crops are too few .* takes 8; .* --crops"):
        DeblurrerTrainer(replace(settings, crops=7, batch=8))
    assert not settings.out.exists()
    assert not DeblurrerTrainer(replace(settings, crops=8, batch=8)).finished


def test_run_that_goes_on_is_not_exported_with_old_figures(
    settings: DeblurrerTraining, tmp_path: Path
) -> None:
    DeblurrerTrainer(settings).run(lambda state: None)
    longer = DeblurrerTrainer(replace(settings, crops=2 * settings.crops))
    longer.step(*next(iter(longer.batches())))
    longer.save()
    folder = tmp_path / "mine"
    with pytest.raises(CalibrationError, match=f"went on to {longer.crops_done} crops"):
        export_run(settings.out, folder, "mine", "", None, Console(quiet=True))
    assert not folder.exists()


def test_export_may_keep_a_share_of_what_it_began_with(
    settings: DeblurrerTraining, tmp_path: Path
) -> None:
    first, mixed = tmp_path / "first", tmp_path / "mixed"
    DeblurrerTrainer(settings).run(lambda state: None)
    export_run(settings.out, first, "first", "", None, Console(quiet=True))
    with pytest.raises(CalibrationError, match="nothing to --keep"):
        export_run(settings.out, mixed, "mixed", "", None, Console(quiet=True), keep=0.5)
    on = replace(settings, out=tmp_path / "on", start=str(first), learning_rate=1e-2)
    trainer = DeblurrerTrainer(on)
    trainer.run(lambda state: None)
    export_run(on.out, mixed, "mixed", "", None, Console(quiet=True), keep=0.25)
    card = load_profile(str(mixed)).card["training"]
    assert card["kept_of_start"] == 0.25
    assert not any(key.startswith("validation_gain") for key in card), "they are of the run alone"
    ends = part_weights(load_profile(str(first)), "deblurrer"), trainer.averaged.state_dict()
    for name, tensor in part_weights(load_profile(str(mixed)), "deblurrer").items():
        between = 0.25 * ends[0][name].float() + 0.75 * ends[1][name]
        torch.testing.assert_close(tensor.float(), between, atol=2e-3, rtol=2e-3)


def test_checkpoint_of_another_network_is_refused(settings: DeblurrerTraining) -> None:
    DeblurrerTrainer(settings).save()
    with pytest.raises(CalibrationError, match="another network"):
        DeblurrerTrainer(replace(settings, network=PlainUNetSpec(width=16)))


def test_checkpoint_of_another_version_is_refused(settings: DeblurrerTraining) -> None:
    trainer = DeblurrerTrainer(settings)
    trainer.save()
    state = torch.load(trainer.checkpoint, weights_only=True)
    network = state["network"]
    network["left_behind"] = network.pop(next(iter(network)))
    torch.save(state, trainer.checkpoint)
    with pytest.raises(CalibrationError, match="this version"):
        DeblurrerTrainer(settings)


@pytest.mark.parametrize("content", [b"garbage", b"", b"text\n", [1, 2], {"crops_done": 4}])
def test_damaged_checkpoint_is_named(settings: DeblurrerTraining, content: object) -> None:
    DeblurrerTrainer(settings).save()
    file = settings.out / "checkpoint.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(CalibrationError, match=r"checkpoint\.pt"):
        DeblurrerTrainer(settings)


def test_a_translator_is_not_exported_as_a_deblurrer(settings: DeblurrerTraining) -> None:
    trainer = DeblurrerTrainer(settings)
    trainer.save()
    state = torch.load(trainer.checkpoint, weights_only=True)
    torch.save({**state, "translator": {}}, trainer.checkpoint)
    (settings.out / "run.json").write_text('{"crops": 0}')
    to = settings.out / "profile"
    with pytest.raises(CalibrationError, match="calibrate train"):
        export_run(settings.out, to, "x", "", None, Console(quiet=True))
    (settings.out / "run.json").write_text("{}")
    with pytest.raises(CalibrationError, match="no finished run"):
        export_run(settings.out, to, "x", "", None, Console(quiet=True))
    assert not to.exists()


def test_new_run_may_begin_with_the_weights_of_a_profile(settings: DeblurrerTraining) -> None:
    profile = load_profile("fast")
    network = read_specification(profile.card["deblurrer"])
    trainer = DeblurrerTrainer(replace(settings, network=network, start="fast"))
    weights = profile.weights["deblurrer.head.0.weight"]
    assert torch.equal(trainer.averaged.head[0].weight, torch.from_numpy(weights).float())
    with pytest.raises(CalibrationError, match="another network"):
        DeblurrerTrainer(replace(settings, out=settings.out / "b", start="fast"))


def test_run_may_be_bounded_in_time_and_goes_on_in_it(settings: DeblurrerTraining) -> None:
    short = replace(settings, crops=10_000_000, minutes=0.02)
    trainer = DeblurrerTrainer(short)
    states: list[TrainingState[Evaluation]] = []
    trainer.run(states.append)
    assert trainer.finished
    assert states[-1].crops == trainer.crops_done, "what was expected in all is what was done"
    assert 0 < trainer.crops_done < 10_000_000
    assert trainer.progress == 1
    again = DeblurrerTrainer(short)
    assert again.finished, "the time that it had counts"
    again.run(lambda state: None)
    assert again.crops_done == trainer.crops_done
    longer = DeblurrerTrainer(replace(short, minutes=trainer.seconds / 30))
    assert longer.progress == pytest.approx(0.5)
    assert not longer.finished
    longer.run(lambda state: None)
    assert longer.crops_done > trainer.crops_done


def test_learning_rate_warms_up_stays_and_falls() -> None:
    factors = [learning_rate_factor(n / 1000, 0.25) for n in (0, 5, 10, 500, 750, 875, 1000)]
    assert factors == pytest.approx([0, 0.5, 1, 1, 1, 0.5, 0])


def test_bad_data_is_named(tmp_path: Path, settings: DeblurrerTraining) -> None:
    with pytest.raises(CalibrationError, match="is not a folder"):
        DeblurrerTrainer(replace(settings, data=(tmp_path / "nowhere",)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CalibrationError, match="no photographs"):
        DeblurrerTrainer(replace(settings, data=(tmp_path / "empty",)))
    for name in ("a.png", "b.png"):
        (tmp_path / "empty" / name).write_text("no picture")
    (tmp_path / "empty" / "._a.png").write_text("what a Mac leaves")
    (tmp_path / "empty" / "folder.png").mkdir()
    (tmp_path / "empty" / "link.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CalibrationError, match="cannot be read as a picture") as caught:
        DeblurrerTrainer(replace(settings, data=(tmp_path / "empty",)))
    named = [Path(line.split(" cannot ")[0]).name for line in str(caught.value).splitlines()]
    assert named == ["a.png", "b.png"], "all at once, and what is no photograph not at all"
    with pytest.raises(CalibrationError, match="within its data"):
        DeblurrerTrainer(replace(settings, out=settings.data[0] / "run"))


def test_one_that_is_too_small_is_not_what_is_tested_on(
    photographs: Path, tmp_path: Path, settings: DeblurrerTraining
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(photographs, mixed)
    large = {path.name for path in find_photographs([photographs])}
    for number in range(20):  # some of these would be held out
        cv2.imwrite(str(mixed / f"icon{number}.png"), discs(number, 20))
    assert not {path.name for path in split_photographs(find_photographs([mixed]))[1]} <= large
    small = mixed / "small"
    small.mkdir()
    for path in photographs.iterdir():
        cv2.imwrite(str(small / path.name), cv2.resize(cv2.imread(str(path)), (200, 200)))
    cv2.imwrite(str(small / "small.png"), discs(9, 200))
    data = DeblurrerTrainer(replace(settings, data=(mixed,))).data
    assert {*data.training_names, *data.held_out_names} == large | {"small.png"}
    assert "small.png" in data.training_names
    assert set(data.held_out_names) < large
    assert not set(data.training_names) & set(data.held_out_names)


def test_things_that_are_asked_to_stand_still_are_not_moved(
    photographs: Path, tmp_path: Path
) -> None:
    """0 px were taken for nothing said, and things moved as far as the camera."""
    result = blur2blur(
        "train", "deblurrer", "--data", photographs, "--out", tmp_path / "run",
        "--max-object-px", "0",
    )  # fmt: skip
    assert result.returncode == 2
    assert "5.0 to 0.0" in " ".join(result.stderr.split())
    assert not (tmp_path / "run").exists()


def test_command_trains_and_says_how_to_go_on(photographs: Path, tmp_path: Path) -> None:
    result = blur2blur(
        "train", "deblurrer", "--data", photographs, "--out", tmp_path / "run", "--crops", "16",
        "--model", "plain-short",
        timeout_s=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "held out" in result.stderr
    assert (tmp_path / "run" / "checkpoint.pt").is_file()
    folder = tmp_path / "mine"
    exported = blur2blur("train", "export", tmp_path / "run", "--to", folder, "--name", "mine")
    assert exported.returncode == 0, exported.stderr
    assert load_profile(str(folder)).card["training"]["crops"] == 16
    live = blur2blur("live", "synthetic:160x96@0?seconds=1", "--to", "null", "--profile", folder)
    assert live.returncode == 0, live.stderr
    lost = blur2blur("train", "export", tmp_path / "run", "--to", tmp_path / "run")
    assert lost.returncode == 1
    assert "Traceback" not in lost.stderr
    assert "which is not replaced" in " ".join(lost.stderr.split())
    assert (tmp_path / "run" / "checkpoint.pt").is_file()
