"""Train a deblurrer on sharp photographs that are blurred on the fly, or on pairs."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from calibration.evaluation import Evaluation
from calibration.pairs import Crops, PairRecipe
from calibration.restoration_trainer import RestorationSettings, RestorationTrainer
from calibration.training_data import TrainingData, open_training_data


@dataclass(frozen=True, kw_only=True)
class DeblurrerTraining(RestorationSettings):
    """The settings of one training run.

    Attributes:
        data: folders of sharp photographs, or of pairs in GoPro's or REDS's layout.
        pairs: how pairs are made of photographs.
    """

    data: tuple[Path, ...]
    pairs: PairRecipe = PairRecipe()
    validation_crops: int = 40


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

    @property
    def dataset(self) -> Crops:
        return self.data.training

    @property
    def validation(self) -> tuple[Tensor, Tensor]:
        return self.data.validation

    def lesson(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        blurred, truth = batch
        return blurred / 255.0, truth / 255.0

    def card(self, final: Evaluation) -> dict[str, Any]:
        """Its ``data`` names what earlier runs saw too, where this began with their weights."""
        settings = self.settings
        seen = {*self.data.training_names, *self._earlier.get("data", [])}
        return {
            **self.how_it_learned(final),
            "pairs": asdict(settings.pairs),
            "data": sorted(seen),
            "held_out": [name for name in self.data.held_out_names if name not in seen],
            "validation_crops": settings.validation_crops,
        }
