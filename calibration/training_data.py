"""What a training run learns from and is tested on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.utils.data import default_collate

from calibration.errors import CalibrationError
from calibration.paired_folders import PairedCrops, PicturePair, find_pairs
from calibration.pairs import BlurredCrops, Crops, PairRecipe
from calibration.photographs import (
    find_photographs,
    known_again,
    large_enough,
    read_photographs,
    split_photographs,
)
from engines.signals import leave_ends_to_parent

_VALIDATION_SEED = 20240617
_VALIDATION_PX = 256
_ALL_TESTED_ON = "these weights were tested on all of that, and are not to see it; name more"


@dataclass(frozen=True)
class TrainingData:
    """Crops to train on, the same validation crops every time, and the names of the files.

    Attributes:
        validation: blurred and sharp, uint8 (N, 3, 256, 256), none of a file that is trained on.
    """

    training: Crops
    validation: tuple[Tensor, Tensor]
    training_names: list[str]
    held_out_names: list[str]


def open_training_data(
    folders: Sequence[Path],
    recipe: PairRecipe,
    seed: int,
    crops: int,
    validation_crops: int,
    *,
    trained: Collection[str] = (),
    tested: Collection[str] = (),
) -> TrainingData:
    """Look into the folders: pairs where there are any, else photographs to be blurred.

    Args:
        folders: of photographs or pairs.
        recipe: how pairs are made of photographs.
        seed: of the training crops.
        crops, validation_crops: how many.
        trained, tested: names that earlier training was on, and that it held out: they stay so.

    Raises:
        CalibrationError: a folder is missing, holds nothing usable, or too little to hold any out;
            or some hold pairs and others photographs.
    """
    cv2.setNumThreads(0)  # a worker forked after cv2 has threads hangs for ever
    pairs = _pairs_of_all(folders)
    held_out_recipe = PairRecipe(
        known=replace(
            recipe.known,
            origin="mid-exposure",
            camera=replace(recipe.known.camera, compressed_share=0.0),
        ),
        moving_share=0.0,
        sharp_share=0.0,
        crop_px=_VALIDATION_PX,
    )
    if pairs:
        train_pairs, held_out_pairs = split_photographs(
            pairs, key=lambda pair: pair.scene, trained=trained, tested=tested
        )
        if not held_out_pairs:
            raise CalibrationError(f"there is nothing to test on: {_too_few(trained)}")
        training: Crops = PairedCrops(train_pairs, recipe.crop_px, seed, crops)
        held_out: Crops = PairedCrops(
            held_out_pairs, _VALIDATION_PX, _VALIDATION_SEED, validation_crops
        )
        names = [[p.scene for p in part] for part in (train_pairs, held_out_pairs)]
    else:
        pictures = read_photographs(find_photographs(list(folders)))
        large = list(large_enough(pictures, held_out_recipe.need_px))
        train_paths, held_out_paths = split_photographs(large, trained=trained, tested=tested)
        if not held_out_paths:
            raise CalibrationError(f"{train_paths[0]} has no other to test on: {_too_few(trained)}")
        unseen = {path.name for path in held_out_paths} | (set(tested) - set(trained))
        train_paths = [p for p in large_enough(pictures, recipe.need_px) if p.name not in unseen]
        training = BlurredCrops([pictures[p] for p in train_paths], recipe, seed, crops)
        held_out = BlurredCrops(
            [pictures[p] for p in held_out_paths],
            held_out_recipe,
            _VALIDATION_SEED,
            validation_crops,
        )
        names = [[p.name for p in part] for part in (train_paths, held_out_paths)]
    blurred, truth = default_collate([held_out[i] for i in range(validation_crops)])
    return TrainingData(training, (blurred, truth), *(sorted(set(part)) for part in names))


def crops_to_look_at(
    folders: Sequence[Path], recipe: PairRecipe, seed: int, crops: int, *, tested: Collection[str]
) -> Crops:
    """Of everything under the folders but what weights were tested on; nothing is learned here.

    Args:
        folders, recipe, seed, crops: as of :func:`open_training_data`.
        tested: names of what is left out.

    Raises:
        CalibrationError: a folder is missing, or nothing usable is left.
    """
    if pairs := _pairs_of_all(folders):
        left_out = known_again({pair.scene for pair in pairs}, tested)
        pairs = [pair for pair in pairs if pair.scene not in left_out]
        if not pairs:
            raise CalibrationError(_ALL_TESTED_ON)
        return PairedCrops(pairs, recipe.crop_px, seed, crops)
    paths = [path for path in find_photographs(list(folders)) if path.name not in tested]
    if not paths:
        raise CalibrationError(_ALL_TESTED_ON)
    large = large_enough(read_photographs(paths), recipe.need_px)
    return BlurredCrops(list(large.values()), recipe, seed, crops)


def _pairs_of_all(folders: Sequence[Path]) -> list[PicturePair]:
    """The pairs of folders that all hold some, or none of them does."""
    of_each = {folder: find_pairs([folder]) for folder in folders}
    without = [folder for folder, pairs in of_each.items() if not pairs]
    if without and len(without) < len(of_each):
        find_photographs(without)  # whether it is there, and holds any
        paired = next(folder for folder, pairs in of_each.items() if pairs)
        raise CalibrationError(
            f"{without[0]} holds photographs, and {paired} pairs: one run learns from either; "
            "name folders of one kind with --data"
        )
    return [pair for pairs in of_each.values() for pair in pairs]


def _too_few(trained: Collection[str]) -> str:
    if trained:
        return "the weights that this begins with were trained on all others; add new ones"
    return "pictures of a single scene are too few"


def one_thread(_: int) -> None:
    """Set up a process that makes crops."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    leave_ends_to_parent()  # a run that loses one of these cannot save its state
