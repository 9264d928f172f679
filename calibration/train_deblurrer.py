"""Train a deblurrer on sharp photographs that are blurred on the fly, or on pairs."""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from calibration.device_crops import CropPlans, Plans, render
from calibration.errors import CalibrationError
from calibration.evaluation import Evaluation
from calibration.known_domains import ON_DISK
from calibration.motion import (
    READING_PX,
    MotionCrops,
    cell_motion,
    learn_to_read,
    motion_loss,
)
from calibration.paired_folders import PairedCrops
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.photographs import tested_on, trained_on
from calibration.profile_networks import part_network
from calibration.restoration_trainer import RestorationSettings, RestorationTrainer
from calibration.start import start_of
from calibration.training_data import TrainingData, open_training_data
from calibration.training_run import CHECKPOINT
from engines.networks import MotionUNet
from engines.networks.motion_unet import CELL_PX
from engines.profile import load_profile

_MOTION_WEIGHT = 0.1
_TOLD_SHARE = 0.15


def _silently(what: str, done: int, of: int) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class DeblurrerTraining(RestorationSettings):
    """The settings of one training run.

    Attributes:
        data: folders of sharp photographs, or of pairs in GoPro's or REDS's layout.
        pairs: how pairs are made of photographs.
        teacher: profile whose deblurrer a smaller network imitates, instead of the truth: what that
            makes of a picture can be seen in the picture, where the truth has to be guessed.
        spectra: pictures whose spectra a network that looks for motion learns to read at first.
    """

    data: tuple[Path, ...]
    pairs: PairRecipe = PairRecipe()
    validation_crops: int = 40
    teacher: str | None = None
    spectra: int = 48_000


class DeblurrerTrainer(RestorationTrainer):
    """See :class:`calibration.restoration_trainer.RestorationTrainer`.

    Raises:
        CalibrationError: the photographs cannot be used, or the run's folder is among them.
    """

    settings: DeblurrerTraining

    def __init__(
        self,
        settings: DeblurrerTraining,
        report: Callable[[str, int, int], None] = _silently,
    ) -> None:
        out = settings.out.resolve()
        if any(out.is_relative_to(folder.resolve()) for folder in settings.data):
            raise CalibrationError(
                f"the run's folder {settings.out} lies within its data, and what it draws there "
                "would be learned from, too; name an --out elsewhere"
            )
        px, multiple = settings.pairs.crop_px, settings.network.multiple
        if px % multiple:
            raise CalibrationError(
                f"this network takes multiples of {multiple} px, not {px}: name another --crop-px"
            )
        start = start_of(settings.out / CHECKPOINT, settings.start)
        teacher = None if settings.teacher is None else load_profile(settings.teacher)
        cards: list[Mapping[str, Any]] = [] if teacher is None else [teacher.card]
        if start is not None:
            cards.append({"training": start.training})
        self._seen = {name for card in cards for name in trained_on(card)}
        self.data: TrainingData = open_training_data(
            settings.data,
            settings.pairs,
            settings.seed,
            settings.crops,
            settings.validation_crops,
            trained=self._seen,
            tested={name for card in cards for name in tested_on(card)},
        )
        self._teacher_sha256 = teacher.weights_sha256 if teacher else None
        super().__init__(settings, start)
        self._crops: Dataset[Any] = self.data.training
        self._looks_for_motion = False
        if isinstance(self.data.training, BlurredCrops):
            self._look_at(self.data.training, report)
        elif isinstance(self.averaged, MotionUNet) and not self.averaged.can_read:
            raise CalibrationError(
                "this network looks for motion, and pairs do not tell what moved for it to learn "
                "to; begin with weights that do: add --from balanced"
            )
        self.teacher: nn.Module | None = None
        if teacher:
            self.teacher = part_network(teacher, "deblurrer")
            self.teacher.to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def dataset(self) -> Dataset[Any]:
        return self._crops

    @property
    def lessons(self) -> dict[str, Any]:
        what = "crops of pairs" if self._pairs.get(ON_DISK) else "ways to blur them"
        return {
            "photographs": self.data.training_names,
            "held-out photographs": self.data.held_out_names,
            what: self._pairs,
            "teacher": self._teacher_sha256,
            "seed": self.settings.seed,
        }

    @property
    def _pairs(self) -> dict[str, Any]:
        """How the pairs were made; of those that were there, nobody knows."""
        if isinstance(self.data.training, PairedCrops):
            return {ON_DISK: True, "crop_px": self.settings.pairs.crop_px}
        return asdict(self.settings.pairs)

    def on_device(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return render(Plans(*batch)) if isinstance(self._crops, CropPlans) else batch

    @property
    def validation(self) -> tuple[Tensor, Tensor]:
        return self.data.validation

    def _look_at(self, crops: BlurredCrops, report: Callable[[str, int, int], None]) -> None:
        """Choose where crops are made; show a network that looks for motion what moved, too."""
        network = self.averaged
        self._looks_for_motion = isinstance(network, MotionUNet)
        known = crops.recipe.known
        same_everywhere = not known.max_roll_degrees and not known.max_parallax
        on_device = (
            self.fabric.device.type != "cpu"
            and same_everywhere
            and not crops.recipe.webcam.share  # codecs run on processors
        )
        if not self._looks_for_motion and not on_device:
            return
        if crops.recipe.crop_px % CELL_PX:
            raise CalibrationError(
                f"here crops have to be a multiple of {CELL_PX} px, not {crops.recipe.crop_px}; "
                "name another with --crop-px"
            )
        self._crops = (CropPlans if on_device else MotionCrops)(crops, _TOLD_SHARE)
        if isinstance(network, MotionUNet):
            self.network.mark_forward_method("restore")
            self._learn_to_read(network, crops, report)

    def _learn_to_read(
        self, network: MotionUNet, crops: BlurredCrops, report: Callable[[str, int, int], None]
    ) -> None:
        """A new network learns to read spectra first."""
        if network.can_read:
            return
        if network.second is not None and not network.reader.standardised.measured:
            raise CalibrationError(
                "this network looks twice, and its second look learns on what the first one makes; "
                "begin with weights that have a first: add --from quality"
            )
        shaken = replace(self.settings.pairs, moving_share=0.0, sharp_share=0.0, crop_px=READING_PX)
        windows = BlurredCrops(
            crops.photographs, shaken, self.settings.seed + 1, self.settings.spectra
        )
        read: Mapping[str, Tensor] = {}
        begun = time.monotonic()
        if self.fabric.is_global_zero:
            reader = deepcopy(network).requires_grad_(True).cpu()  # the windows are made there
            learn_to_read(reader, windows, report)
            read = reader.state_dict()
        read = self.fabric.broadcast(read)
        self.seconds_before = time.monotonic() - begun
        for part in (network, self.network):
            part.load_state_dict(read)
        if self.fabric.is_global_zero:
            self.save()  # of half an hour, before the first checkpoint of the steps

    def loss_of(self, blurred: Tensor, truth: Tensor, *batch: Tensor) -> Tensor:
        if not self._looks_for_motion:
            return super().loss_of(blurred, truth, *batch)
        _, _, shares, presence, told = batch
        motion = cell_motion(shares, presence)
        correction, log_motion = self.network.restore(blurred, motion, told)
        loss: Tensor = self.loss((blurred + correction).float(), truth, blurred)
        return loss + _MOTION_WEIGHT * motion_loss(log_motion.float(), motion)

    def lesson(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        blurred, truth = (part / 255.0 for part in batch[:2])
        if self.teacher is not None:
            x = blurred.contiguous(memory_format=torch.channels_last)
            with torch.no_grad(), self.fabric.autocast():
                truth = self.teacher(x).float().clamp(0, 1)
        return blurred, truth

    def card(self, final: Evaluation) -> dict[str, Any]:
        """Its ``data`` names what earlier runs saw too, where this began with their weights."""
        settings = self.settings
        seen = {*self.data.training_names, *self._seen}
        return {
            **self.how_it_learned(final),
            "teacher": settings.teacher,
            "pairs": self._pairs,
            "data": sorted(seen),
            "held_out": [name for name in self.data.held_out_names if name not in seen],
            "validation_crops": settings.validation_crops,
        }
