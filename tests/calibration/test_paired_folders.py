import multiprocessing
from collections.abc import Iterable
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from rich.console import Console

from calibration.errors import CalibrationError
from calibration.job import run_deblurrer_training
from calibration.known_blur import KnownBlur
from calibration.known_domains import known_domains, learned_from_pairs
from calibration.paired_folders import PairedCrops, find_pairs
from calibration.pairs import PairRecipe
from calibration.photographs import known_again, was_trained_on
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from calibration.training_data import crops_to_look_at, open_training_data
from engines.networks import PlainUNetSpec, named_specification
from tests.conftest import blur2blur


def write_pair(blurred: Path, sharp: Path, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (270, 300, 3), dtype=np.uint8)
    for path, pixels in ((sharp, picture), (blurred, picture // 2)):
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels)


@pytest.fixture(params=["gopro", "reds"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    for scene in range(4):
        for number in range(2):
            if request.param == "gopro":
                root = tmp_path / "train" / f"GOPR{scene}"
                paths = root / "blur" / f"{number}.png", root / "sharp" / f"{number}.png"
            else:
                name = Path(f"{scene:03}") / f"{number:08}.png"
                paths = tmp_path / "train_blur" / name, tmp_path / "train_sharp" / name
            write_pair(*paths, seed=10 * scene + number)
    return tmp_path


def test_pairs_are_found_in_both_layouts(folder: Path) -> None:
    pairs = find_pairs([folder])
    assert len(pairs) == 8
    assert len({pair.scene for pair in pairs}) == 4
    assert all(pair.blurred.name == pair.sharp.name for pair in pairs)


def test_what_a_mac_leaves_beside_pictures_is_no_pair(folder: Path) -> None:
    for picture in list(folder.rglob("*.png")):
        picture.with_name(f"._{picture.name}").write_bytes(b"\0\5\26\7mac")
    assert len(find_pairs([folder])) == 8


def test_blurred_picture_without_a_partner_is_no_photograph(folder: Path) -> None:
    """It was learned from as if it were sharp, or left out without a word."""
    pairs = find_pairs([folder])
    for number, pair in enumerate(pairs, start=1):
        pair.sharp.rename(pair.sharp.with_suffix(".jpg"))
        with pytest.raises(CalibrationError) as raised:
            open_training_data([folder], PairRecipe(crop_px=64), 0, 8, 4)
        said = str(raised.value)
        assert f"{pairs[0].blurred} is blurred and has no sharp partner {pairs[0].sharp}" in said
        assert (f"{number - 1} more have none" in said) == (number > 1)
        assert "rename them" in said


def test_photographs_in_a_folder_called_blur_are_photographs(tmp_path: Path) -> None:
    for number in range(3):
        write_pair(tmp_path / "blur" / f"{number}.png", tmp_path / "blur" / f"{number}s.png", 0)
    assert not find_pairs([tmp_path])


def test_photographs_beside_pairs_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    """They were left out without a word."""
    photographs = tmp_path.parent / f"{tmp_path.name}-photographs"
    mixed = [folder, photographs]
    with pytest.raises(CalibrationError, match=f"{photographs} is not a folder"):
        open_training_data(mixed, PairRecipe(crop_px=64), 0, 8, 4)
    write_pair(photographs / "1.png", photographs / "2.png", 0)
    for folders in (mixed, mixed[::-1]):
        with pytest.raises(CalibrationError) as raised:
            open_training_data(folders, PairRecipe(crop_px=64), 0, 8, 4)
        assert f"{photographs} holds photographs, and {folder} pairs" in str(raised.value)


def test_scenes_are_called_so(folder: Path, tmp_path: Path) -> None:
    settings = DeblurrerTraining(
        data=(folder,), out=tmp_path.parent / f"{tmp_path.name}-run", crops=2, batch=2,
        validation_crops=2, pairs=PairRecipe(crop_px=64),
        network=PlainUNetSpec(width=8, encoder_blocks=(1, 1), decoder_blocks=(1,)),
    )  # fmt: skip
    console = Console(file=StringIO(), width=100)
    run_deblurrer_training(settings, console)
    assert isinstance(console.file, StringIO)
    assert "3 scenes to train on, 1 held out" in console.file.getvalue()


def test_card_claims_no_blur_that_was_not_made(folder: Path, tmp_path: Path) -> None:
    """It told of random shake, which a translator was then taught."""
    out = tmp_path.parent / f"{tmp_path.name}-run"
    recipe = PairRecipe(known=KnownBlur(max_extent_px=40.0), crop_px=64)
    settings = DeblurrerTraining(
        data=(folder,), out=out, crops=2, batch=2, validation_crops=2, pairs=recipe,
        network=PlainUNetSpec(width=8, encoder_blocks=(1, 1), decoder_blocks=(1,)),
    )  # fmt: skip
    trainer = DeblurrerTrainer(settings)
    card = {"training": trainer.card(trainer.validate())}
    assert card["training"]["pairs"] == {"on_disk": True, "crop_px": 64}
    assert learned_from_pairs(card)
    assert not learned_from_pairs({"training": {"pairs": asdict(recipe)}})
    assert known_domains(card)[0] == KnownBlur()
    trainer.save()
    another = replace(settings, pairs=replace(recipe, moving_share=0.9))
    assert DeblurrerTrainer(another).checkpoint == trainer.checkpoint, "it is not used here"
    with pytest.raises(CalibrationError, match="other crops of pairs"):
        DeblurrerTrainer(replace(settings, pairs=replace(recipe, crop_px=128)))


def test_options_of_a_blur_that_is_not_made_are_refused(folder: Path, tmp_path: Path) -> None:
    out = tmp_path.parent / f"{tmp_path.name}-run"
    result = blur2blur(
        "train", "deblurrer", "--data", folder, "--out", out, "--moving-share", "0.5"
    )
    assert result.returncode == 1
    assert "--moving-share is about photographs; pairs are blurred already" in result.stderr
    assert not out.exists()


def test_crops_of_a_pair_belong_together(folder: Path) -> None:
    crops = PairedCrops(find_pairs([folder]), 64, seed=1, length=20)
    for index in range(20):
        blurred, sharp = crops[index]
        assert torch.equal(blurred, sharp // 2)
        assert blurred.shape == (3, 64, 64)
    assert torch.equal(crops[3][0], PairedCrops(crops.pairs, 64, seed=1, length=4)[3][0])


def test_scenes_are_split_whole(folder: Path) -> None:
    data = open_training_data([folder], PairRecipe(crop_px=64), 0, 8, 4)
    assert not set(data.training_names) & set(data.held_out_names)
    assert len(data.training_names) + len(data.held_out_names) == 4
    assert data.validation[0].shape == (4, 3, 256, 256)


def write_scenes(root: Path, names: Iterable[str]) -> None:
    for seed, name in enumerate(names):
        write_pair(root / name / "blur" / "1.png", root / name / "sharp" / "1.png", seed)


@pytest.mark.parametrize("levels", [("train", ""), ("", "train")])
def test_scenes_keep_their_side_where_data_names_another_level(
    levels: tuple[str, str], tmp_path: Path
) -> None:
    """What was held out anew had been trained on."""
    write_scenes(tmp_path, [f"train/GOPR{n:04}" for n in range(12)])
    first_level, second_level = (tmp_path / level for level in levels)
    recipe = PairRecipe(crop_px=64)
    first = open_training_data([first_level], recipe, 0, 8, 1)
    write_scenes(tmp_path, [f"train/NEW{n}" for n in range(4)])
    second = open_training_data(
        [second_level], recipe, 0, 8, 1, trained=first.training_names, tested=first.held_out_names
    )

    def plain(names: list[str]) -> set[str]:
        return {Path(name).name for name in names}

    assert plain(first.training_names) <= plain(second.training_names)
    assert plain(first.held_out_names) <= plain(second.held_out_names)
    looked_at = crops_to_look_at([second_level], recipe, 0, 8, tested=first.held_out_names)
    assert isinstance(looked_at, PairedCrops)
    assert not plain([p.scene for p in looked_at.pairs]) & plain(first.held_out_names)


def test_scenes_that_end_alike_are_told_apart_where_a_card_does() -> None:
    scenes = {f"day{n}/camera" for n in range(4)}
    trained = {"day0/camera", "day1/camera"}
    assert known_again(scenes, trained) == trained
    assert known_again(scenes, {"camera"}) == known_again(scenes, {"day9/camera"}) == scenes
    assert not known_again(scenes, {"day0"})


def test_scene_is_called_by_its_folder_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had no name."""
    write_scenes(tmp_path, ["GOPR1"])
    monkeypatch.chdir(tmp_path / "GOPR1")
    assert find_pairs([Path()])[0].scene == find_pairs([tmp_path / "GOPR1"])[0].scene == "GOPR1"


def test_pairs_of_different_size_are_named(tmp_path: Path) -> None:
    write_pair(tmp_path / "a" / "blur" / "1.png", tmp_path / "a" / "sharp" / "1.png", 0)
    cv2.imwrite(str(tmp_path / "a" / "sharp" / "1.png"), np.zeros((90, 90, 3), np.uint8))
    with pytest.raises(CalibrationError, match="same size"):
        PairedCrops(find_pairs([tmp_path]), 64, 0, 1)[0]


def test_picture_that_cannot_be_read_is_named_in_a_line(folder: Path, tmp_path: Path) -> None:
    """Pairs are read by processes of their own, while it learns."""
    settings = DeblurrerTraining(
        data=(folder,), out=tmp_path.parent / "run", crops=16, batch=4, validation_crops=2,
        network=PlainUNetSpec(width=8, encoder_blocks=(1, 1), decoder_blocks=(1,)),
        pairs=PairRecipe(crop_px=64),
    )  # fmt: skip
    trainer = DeblurrerTrainer(settings)
    for pair in trainer.data.training.pairs:  # type: ignore[attr-defined]
        pair.blurred.write_bytes(b"half a picture")
    with pytest.raises(CalibrationError) as raised:
        list(trainer.batches())
    assert "cannot be read as a picture; remove or replace it" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert not multiprocessing.active_children(), "the end of the program waits for these"


def test_pairs_do_not_tell_a_fresh_network_what_moved(folder: Path, tmp_path: Path) -> None:
    settings = DeblurrerTraining(
        data=(folder,), out=tmp_path.parent / "run", validation_crops=2,
        network=named_specification("fast"), pairs=PairRecipe(crop_px=64),
    )  # fmt: skip
    with pytest.raises(CalibrationError, match="add --from balanced"):
        DeblurrerTrainer(settings)


def test_pictures_of_a_scene_that_was_trained_on_are_told(folder: Path) -> None:
    pairs = find_pairs([folder])
    scene = pairs[0].scene
    for pair in pairs:
        for path in (pair.blurred, pair.sharp):
            assert was_trained_on(path, [scene]) == (pair.scene == scene)
    assert was_trained_on(Path("photos/kitten.jpg"), ["kitten.jpg", "otter.jpg"])
    assert not was_trained_on(Path("photos/hound.jpg"), ["kitten.jpg", "otter.jpg"])


def test_one_scene_is_too_few(tmp_path: Path) -> None:
    write_pair(tmp_path / "a" / "blur" / "1.png", tmp_path / "a" / "sharp" / "1.png", 0)
    with pytest.raises(CalibrationError, match="single scene"):
        open_training_data([tmp_path], PairRecipe(crop_px=64), 0, 8, 4)
