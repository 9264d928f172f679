"""Train a deblurrer on sharp photographs that are blurred on the fly, or on pairs."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from calibration.evaluation import Evaluation
from calibration.pairs import Crops, PairRecipe
from calibration.profile_networks import part_network
from calibration.restoration_trainer import RestorationSettings, RestorationTrainer
from calibration.training_data import TrainingData, open_training_data
from engines.profile import load_profile


@dataclass(frozen=True, kw_only=True)
class DeblurrerTraining(RestorationSettings):
    """The settings of one training run.

    Attributes:
        data: folders of sharp photographs, or of pairs in GoPro's or REDS's layout.
        pairs: how pairs are made of photographs.
        teacher: profile whose deblurrer a smaller network imitates, instead of the truth: what that
            makes of a picture can be seen in the picture, where the truth has to be guessed.
    """

    data: tuple[Path, ...]
    pairs: PairRecipe = PairRecipe()
    validation_crops: int = 40
    teacher: str | None = None


class DeblurrerTrainer(RestorationTrainer):
    """See :class:`calibration.restoration_trainer.RestorationTrainer`.

    Raises:
        CalibrationError: the photographs cannot be used.
    """

    settings: DeblurrerTraining

    def __init__(self, settings: DeblurrerTraining) -> None:
        self.data: TrainingData = open_training_data(
            settings.data, settings.pairs, settings.seed, settings.crops, settings.validation_crops
        )
        super().__init__(settings)
        self.teacher: nn.Module | None = None
        if settings.teacher is not None:
            self.teacher = part_network(load_profile(settings.teacher), "deblurrer")
            self.teacher.to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def dataset(self) -> Crops:
        return self.data.training

    @property
    def validation(self) -> tuple[Tensor, Tensor]:
        return self.data.validation

    def lesson(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        blurred, truth = (part / 255.0 for part in batch)
        if self.teacher is not None:
            x = blurred.contiguous(memory_format=torch.channels_last)
            with torch.no_grad(), self.fabric.autocast():
                truth = self.teacher(x).float().clamp(0, 1)
        return blurred, truth

    def card(self, final: Evaluation) -> dict[str, Any]:
        """Its ``data`` names what earlier runs saw too, where this began with their weights."""
        settings = self.settings
        seen = {*self.data.training_names, *self._earlier.get("data", [])}
        if settings.teacher is not None:
            seen.update(load_profile(settings.teacher).card.get("training", {}).get("data", []))
        return {
            **self.how_it_learned(final),
            "teacher": settings.teacher,
            "pairs": asdict(settings.pairs),
            "data": sorted(seen),
            "held_out": [name for name in self.data.held_out_names if name not in seen],
            "validation_crops": settings.validation_crops,
        }
