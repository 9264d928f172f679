"""Train a network that restores pictures by examples, whatever the examples are."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from calibration.averaged import Averaged
from calibration.errors import CalibrationError
from calibration.evaluation import Evaluation, evaluate, write_strip
from calibration.inherit import inherit
from calibration.losses import LossWeights, RestorationLoss
from calibration.muon import Muon
from calibration.profile_networks import part_weights
from calibration.start import Start, start_state
from calibration.tensorboard_log import EXAMPLES
from calibration.trainer import Trainer, learning_rate_factor
from calibration.training_log import TrainingLog
from calibration.training_run import RunSettings
from engines.networks import MotionUNet, NetworkSpec, PlainUNet, PlainUNetSpec
from engines.networks.motion_unet import MOTION_PARTS
from engines.profile import load_profile


@dataclass(frozen=True, kw_only=True)
class RestorationSettings(RunSettings):
    """How it learns.

    Attributes:
        learning_rate: of Muon for the convolutions, and of AdamW for the rest; it warms up, stays,
            and falls linearly to zero over the last ``decay_share`` of the crops.
        start: a plain network may be wider or deeper than the profile's, or have fewer blocks.
    """

    learning_rate: float = 1e-3
    loss: LossWeights = LossWeights()
    decay_share: float = 0.25
    network: NetworkSpec = PlainUNetSpec()


class RestorationTrainer(Trainer[Evaluation]):
    """See :class:`calibration.trainer.Trainer`. A subclass says what there is to learn from.

    Args:
        start: whose weights it begins with, or began with.

    Raises:
        CalibrationError: the checkpoint or ``start`` is of another network, or the batch cannot be
            shared among the processes.
    """

    settings: RestorationSettings

    def __init__(self, settings: RestorationSettings, start: Start | None) -> None:
        super().__init__(settings)
        self.start = start
        self.log = TrainingLog(settings.out)
        network = settings.network.build()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = Averaged(network, settings.ema_steps)
        optimizers = _optimizers(network, settings.learning_rate)
        self.network, *self.optimizers = self.fabric.setup(network, *optimizers)
        self.averaged.to(self.fabric.device)
        self.loss = RestorationLoss(settings.loss).to(self.fabric.device)
        if not self.load() and start is not None:
            self._start_from(start.profile)

    @property
    @abstractmethod
    def validation(self) -> tuple[Tensor, Tensor]:
        """Blurred and true pictures that are held out, uint8 (N, 3, H, W) both."""

    @abstractmethod
    def lesson(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        """What to restore, and to what, float (N, 3, H, W) in 0...1 both, of a batch of crops."""

    def loss_of(self, blurred: Tensor, truth: Tensor, *_: Tensor) -> Tensor:
        """What the network is to make small, of a lesson and the batch that it was made of."""
        loss: Tensor = self.loss(self.network(blurred).float(), truth, blurred)
        return loss

    @property
    def averaged(self) -> nn.Module:
        """The network with the averaged weights."""
        return self._average.network

    def validate(self) -> Evaluation:
        """Restore the held-out pairs with the averaged weights; draws ``examples.png``."""
        blurred, truth = self.validation
        result = evaluate(self.averaged, blurred, truth)
        rows = [("blurred", blurred), ("restored", result.restored), ("truth", truth)]
        write_strip(self.settings.out / EXAMPLES, rows)
        return result

    def log_validation(self, crops: int, loss: float, validation: Evaluation) -> None:
        self.log.add(crops, loss, validation)

    def step(self, *batch: Tensor) -> Tensor:
        """Learn from one batch; returns the loss."""
        settings = self.settings
        blurred, truth = self.lesson(*batch)
        factor = learning_rate_factor(self.progress, settings.decay_share)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * factor
        x = blurred.contiguous(memory_format=torch.channels_last)
        self.network.train()
        loss = self.loss_of(x, truth, *batch)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.check(float(norm), "gradient")  # of all processes, where the loss is this one's
        for optimizer in self.optimizers:
            optimizer.step()
        self.crops_done += settings.batch
        self._average.update(self.network, self.crops_done / settings.batch)
        return loss.detach()

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "specification": self.settings.network.to_json(),
            **start_state(self.start),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        if "optimizers" not in state:
            raise CalibrationError(
                f"{self.checkpoint} was written by an earlier version; export it there, and begin "
                "a new --out with --from"
            )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def how_it_learned(self, final: Evaluation) -> dict[str, Any]:
        """The part of the card that does not depend on what it learned from."""
        settings, start = self.settings, self.start
        earlier_hours = 0.0 if start is None else start.hours
        return {
            **self.how_it_ran(),
            "hours_with_earlier_runs": round(self.hours + earlier_hours, 2),
            "optimizer": f"Muon and AdamW, learning rate {settings.learning_rate}",
            "loss": str(settings.loss),
            "start": start and start.profile,
            "start_sha256": start and start.sha256,
            "validation_psnr_in_db": round(final.psnr_in_db, 3),
            "validation_psnr_out_db": round(final.psnr_out_db, 3),
            "validation_gain_db": round(final.gain_db, 3),
            "validation_improved_share": round(final.improved_share, 3),
        }

    def _start_from(self, start: str) -> None:
        """Take a profile's deblurrer, with a fresh optimizer and the schedule from its start."""
        tensors = part_weights(load_profile(start), "deblurrer")
        network = self.averaged
        try:
            if isinstance(network, PlainUNet | MotionUNet):
                inherit(network, tensors)
            else:
                network.load_state_dict(tensors)
        except (RuntimeError, ValueError) as error:
            raise CalibrationError(
                f"the weights of profile {start} are of another network: {error}"
            ) from error
        self.network.load_state_dict(network.state_dict())


def _optimizers(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for dense convolutions; AdamW for biases, norms, depth-wise kernels and perceptrons."""
    dense: list[nn.Parameter] = [
        module.get_parameter("weight")
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        and module.groups == 1
        and module.weight.requires_grad
        and (max(module.kernel_size) > 1 or name.split(".")[0] not in MOTION_PARTS)
    ]
    chosen = {id(weight) for weight in dense}
    rest = [p for p in network.parameters() if p.requires_grad and id(p) not in chosen]
    return [
        Muon(dense, learning_rate),
        torch.optim.AdamW(rest, learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]
