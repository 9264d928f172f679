"""Train a deblurrer: one process or many, exactly resumable.

Under ``torchrun`` each process takes its share of every batch and the gradients are averaged, by
Lightning Fabric; the step that is taken is the one that a single process would take.
"""

import json
import logging
import math
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from calibration.checkpoint import load_checkpoint, save_checkpoint
from calibration.errors import CalibrationError
from calibration.evaluation import Evaluation, evaluate, write_strip
from calibration.inherit import inherit
from calibration.losses import LossWeights, RestorationLoss
from calibration.muon import Muon
from calibration.pairs import PairRecipe
from calibration.training_data import TrainingData, one_thread, open_training_data
from calibration.training_log import TrainingLog
from engines.files import write_text_atomically
from engines.networks import NetworkSpec, PlainUNet, PlainUNetSpec
from engines.profile import load_profile
from engines.signals import signals_received

RUN_CARD = "run.json"
_STEPS_BETWEEN_LOOKS = 8


@dataclass(frozen=True, kw_only=True)
class DeblurrerTraining:
    """The settings of one training run.

    Attributes:
        data: folders of sharp photographs, or of pairs in GoPro's or REDS's layout.
        crops: pairs to train on in all. The learning rate warms up, stays, and falls linearly to
            zero over the last ``decay_share`` of them; a resumed run may name another number.
        batch: pairs a step, over all processes.
        learning_rate: of Muon for the convolutions, and of AdamW for the rest.
        ema_steps: time constant of the averaged weights, which are those that are kept.
        save_minutes: time between checkpoints, each with a validation.
        start: profile, by name or folder, whose weights a new run begins with; a plain network
            may be wider or deeper than the profile's, or have fewer blocks.
    """

    data: tuple[Path, ...]
    out: Path
    crops: int = 400_000
    batch: int = 16
    learning_rate: float = 1e-3
    loss: LossWeights = LossWeights()
    decay_share: float = 0.25
    ema_steps: int = 500
    save_minutes: float = 5.0
    seed: int = 0
    start: str | None = None
    network: NetworkSpec = PlainUNetSpec()
    pairs: PairRecipe = PairRecipe()
    validation_crops: int = 40


@dataclass(frozen=True)
class TrainingState:
    """What a run tells while it goes on."""

    crops_done: int
    crops: int
    loss: float
    crops_per_s: float
    validation: Evaluation | None


def learning_rate_factor(crops_done: int, crops: int, decay_share: float) -> float:
    """Warm-up over the first 1 %, then 1, then linearly to 0 over the last ``decay_share``."""
    warm_up = crops_done / max(0.01 * crops, 1)
    decay = (crops - crops_done) / max(decay_share * crops, 1)
    return max(0.0, min(1.0, warm_up, decay))


class DeblurrerTrainer:
    """One training run in a folder; made again on the same folder it goes on where it stopped.

    The pair with index i depends on the seed and i only, so a resumed run sees the same data as
    one that never stopped.

    Raises:
        CalibrationError: the photographs cannot be used, the checkpoint is of another network, or
            the batch cannot be shared among the processes.
    """

    def __init__(self, settings: DeblurrerTraining) -> None:
        self.settings = settings
        self.fabric = _fabric()
        if settings.batch % self.fabric.world_size:
            raise CalibrationError(
                f"a batch of {settings.batch} cannot be shared among "
                f"{self.fabric.world_size} processes; name a multiple with --batch"
            )
        torch.manual_seed(settings.seed)
        settings.out.mkdir(parents=True, exist_ok=True)
        self.data: TrainingData = open_training_data(
            settings.data, settings.pairs, settings.seed, settings.crops, settings.validation_crops
        )
        self.log = TrainingLog(settings.out)
        network = settings.network.build()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = deepcopy(network).requires_grad_(False)
        optimizers = _optimizers(network, settings.learning_rate)
        self.network, *self.optimizers = self.fabric.setup(network, *optimizers)
        self.averaged.to(self.fabric.device)
        self.loss = RestorationLoss(settings.loss).to(self.fabric.device)
        self.crops_done = 0
        self.seconds = 0.0
        self._earlier: Mapping[str, Any] = {}
        if settings.start is not None:
            self._earlier = load_profile(settings.start).card.get("training", {})
        self._load()

    @property
    def checkpoint(self) -> Path:
        return self.settings.out / "checkpoint.pt"

    def run(self, report: Callable[[TrainingState], None]) -> Evaluation:
        """Train to the end or to SIGINT/SIGTERM; the last state is saved either way."""
        settings = self.settings
        last_save = last_report = last_step = time.monotonic()
        since_report, losses = 0, torch.zeros((), device=self.fabric.device)
        with signals_received() as signals:
            for number, (blurred, truth) in enumerate(self.batches(), start=1):
                losses += self.step(blurred, truth) * settings.batch
                since_report += settings.batch
                now = time.monotonic()
                self.seconds += now - last_step
                last_step = now
                if number % _STEPS_BETWEEN_LOOKS:
                    continue
                if self._anyone(bool(signals)):
                    break
                loss = float(losses) / since_report
                self._check(loss)  # before a checkpoint replaces the last good one
                validation: Evaluation | None = None
                if now - last_save > 60 * settings.save_minutes and self.fabric.is_global_zero:
                    last_save = now
                    self._save()
                    validation = self.validate()
                elif now - last_report <= 2.0:
                    continue
                rate = since_report / (now - last_report)
                self._report(
                    report, TrainingState(self.crops_done, settings.crops, loss, rate, validation)
                )
                last_report, since_report = time.monotonic(), 0
                losses.zero_()
                last_step = last_report
        return self._finish(report)

    def validate(self) -> Evaluation:
        """Restore the held-out pairs with the averaged weights; draws ``examples.png``."""
        blurred, truth = self.data.validation
        result = evaluate(self.averaged, blurred, truth)
        rows = [("blurred", blurred), ("restored", result.restored), ("truth", truth)]
        write_strip(self.settings.out / "examples.png", rows)
        return result

    def _finish(self, report: Callable[[TrainingState], None]) -> Evaluation:
        settings = self.settings
        if self.fabric.is_global_zero:
            self._save()
        final = self.validate()
        if self.fabric.is_global_zero:
            self._report(report, TrainingState(self.crops_done, settings.crops, 0.0, 0.0, final))
            card = json.dumps(self.card(final), indent=2) + "\n"
            write_text_atomically(settings.out / RUN_CARD, card)
        self.fabric.barrier()
        return final

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of each batch that is left, on its device."""
        batch, rank, processes = (
            self.settings.batch,
            self.fabric.global_rank,
            self.fabric.world_size,
        )
        share = batch // processes
        starts = range(self.crops_done, self.settings.crops - batch + 1, batch)
        mine = [list(range(start + rank * share, start + (rank + 1) * share)) for start in starts]
        workers = self.data.workers(processes, self.fabric.device)
        loader = DataLoader(
            self.data.training,
            batch_sampler=mine,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=one_thread,
            pin_memory=self.fabric.device.type == "cuda",
        )
        for blurred, truth in loader:
            yield self.fabric.to_device((blurred, truth))

    def step(self, blurred: Tensor, truth: Tensor) -> Tensor:
        """Learn from one batch, uint8 (N, 3, H, W) both; returns the loss."""
        settings = self.settings
        factor = learning_rate_factor(self.crops_done, settings.crops, settings.decay_share)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * factor
        x = (blurred / 255.0).contiguous(memory_format=torch.channels_last)
        self.network.train()
        loss: Tensor = self.loss(self.network(x).float(), truth / 255.0)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.crops_done += settings.batch
        self._average()
        return loss.detach()

    @torch.no_grad()
    def _average(self) -> None:
        steps_done = self.crops_done / self.settings.batch
        keep = min(1 - 1 / self.settings.ema_steps, steps_done / (steps_done + 10))
        means: list[Tensor] = list(self.averaged.parameters())
        values = [value.detach() for value in self.network.parameters()]
        torch._foreach_lerp_(means, values, 1 - keep)

    def _anyone(self, stop: bool) -> bool:
        """Whether any process was asked to stop: all of them have to leave together."""
        if self.fabric.world_size == 1:
            return stop
        asked = torch.tensor(float(stop), device=self.fabric.device)
        total = self.fabric.all_reduce(asked, reduce_op="sum")
        assert isinstance(total, Tensor)
        return float(total) > 0

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise CalibrationError(
                f"the loss is {loss} after {self.crops_done} pairs: the learning rate of "
                f"{self.settings.learning_rate} is too high; name a lower one. "
                f"{self.checkpoint} holds the last good state"
            )

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "crops_done": self.crops_done,
            "seconds": self.seconds,
            "specification": self.settings.network.to_json(),
        }
        save_checkpoint(self.checkpoint, state)

    def _load(self) -> None:
        if not self.checkpoint.exists():
            if self.settings.start is not None:
                self._start_from(self.settings.start)
            return
        state = load_checkpoint(self.checkpoint)
        if state["specification"] != self.settings.network.to_json():
            raise CalibrationError(
                f"{self.checkpoint} was trained with another network "
                f"({state['specification']}); name another --out"
            )
        if "optimizers" not in state:
            raise CalibrationError(
                f"{self.checkpoint} was written by an earlier version; export it there, and begin "
                "a new --out with --from"
            )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.crops_done = state["crops_done"]
        self.seconds = state["seconds"]

    def _start_from(self, start: str) -> None:
        """Take a profile's deblurrer, with a fresh optimizer and the schedule from its start."""
        profile = load_profile(start)
        prefix = "deblurrer."
        tensors = {
            key.removeprefix(prefix): torch.from_numpy(value.astype("float32"))
            for key, value in profile.weights.items()
            if key.startswith(prefix)
        }
        network = self.averaged
        try:
            if isinstance(network, PlainUNet):
                inherit(network, tensors)
            else:
                network.load_state_dict(tensors)
        except (RuntimeError, ValueError) as error:
            raise CalibrationError(
                f"the weights of profile {start} are of another network: {error}"
            ) from error
        self.network.load_state_dict(network.state_dict())

    @property
    def _earlier_hours(self) -> float:
        hours = self._earlier.get("hours_with_earlier_runs", self._earlier.get("hours", 0.0))
        return float(hours)

    def _report(self, report: Callable[[TrainingState], None], state: TrainingState) -> None:
        if self.fabric.is_global_zero:
            if state.validation is not None:
                self.log.add(state.crops_done, state.loss, state.validation)
            report(state)

    def card(self, final: Evaluation) -> dict[str, Any]:
        """What the run was and reached, as plain JSON values for the weights' card.

        Its ``data`` names what earlier runs saw too, where this one began with their weights.
        """
        settings = self.settings
        seen = {*self.data.training_names, *self._earlier.get("data", [])}
        return {
            "crops": self.crops_done,
            "batch": settings.batch,
            "hours": round(self.seconds / 3600, 2),
            "hours_with_earlier_runs": round(self.seconds / 3600 + self._earlier_hours, 2),
            "processes": self.fabric.world_size,
            "command": shlex.join(sys.argv),
            "optimizer": f"Muon and AdamW, learning rate {settings.learning_rate}",
            "loss": str(settings.loss),
            "seed": settings.seed,
            "start": settings.start,
            "pairs": asdict(settings.pairs),
            "data": sorted(seen),
            "held_out": [name for name in self.data.held_out_names if name not in seen],
            "validation_crops": settings.validation_crops,
            "validation_psnr_in_db": round(final.psnr_in_db, 3),
            "validation_psnr_out_db": round(final.psnr_out_db, 3),
            "validation_gain_db": round(final.gain_db, 3),
            "validation_improved_share": round(final.improved_share, 3),
        }


def _fabric() -> Fabric:
    """As torchrun says, or one process; bf16 with fp32 weights."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    launched = torch.distributed.is_torchelastic_launched()
    fabric = Fabric(
        accelerator="cuda" if torch.cuda.is_available() else "cpu",
        devices=int(os.environ["LOCAL_WORLD_SIZE"]) if launched else 1,
        num_nodes=int(os.environ["GROUP_WORLD_SIZE"]) if launched else 1,
        strategy="ddp" if launched else "auto",
        precision="bf16-mixed",
    )
    fabric.launch()
    return fabric


def _optimizers(network: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for dense convolutions; AdamW for biases, norms and depth-wise kernels."""
    dense: list[nn.Parameter] = [
        module.get_parameter("weight")
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.groups == 1
    ]
    chosen = {id(weight) for weight in dense}
    rest = [p for p in network.parameters() if id(p) not in chosen]
    return [
        Muon(dense, learning_rate),
        torch.optim.AdamW(rest, learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]
