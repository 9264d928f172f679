"""Train the deblurrer for the known blur on photographs."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, default_collate

from calibration.checkpoint import load_checkpoint, save_checkpoint
from calibration.errors import CalibrationError
from calibration.evaluation import Evaluation, evaluate, write_strip
from calibration.known_blur import KnownBlur
from calibration.losses import charbonnier, frequency_l1
from calibration.photographs import (
    BlurredCrops,
    PairRecipe,
    find_photographs,
    read_photograph,
    split_photographs,
)
from engines.files import write_text_atomically
from engines.networks import PlainUNet, PlainUNetSpec
from engines.profile import load_profile
from engines.signals import signals_received

RUN_CARD = "run.json"


@dataclass(frozen=True, kw_only=True)
class DeblurrerTraining:
    """The settings of one training run.

    Attributes:
        crops: pairs to train on in all. The learning rate warms up, stays, and falls linearly to
            zero over the last ``decay_share`` of them; a resumed run may name another number.
        batch: pairs a step.
        learning_rate: of AdamW.
        frequency_weight: of the Fourier term beside Charbonnier.
        ema_steps: time constant of the averaged weights, which are those that are kept.
        save_minutes: time between checkpoints, each with a validation.
        start: profile, by name or folder, whose weights a new run begins with.
    """

    data: tuple[Path, ...]
    out: Path
    crops: int = 400_000
    batch: int = 8
    learning_rate: float = 2e-4
    frequency_weight: float = 0.05
    decay_share: float = 0.25
    ema_steps: int = 1000
    save_minutes: float = 5.0
    seed: int = 0
    start: str | None = None
    network: PlainUNetSpec = PlainUNetSpec()
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
        CalibrationError: the photographs cannot be used, or the checkpoint is of another network.
    """

    def __init__(self, settings: DeblurrerTraining) -> None:
        cv2.setNumThreads(0)  # a worker forked after cv2 has threads hangs for ever
        self.settings = settings
        torch.manual_seed(settings.seed)
        settings.out.mkdir(parents=True, exist_ok=True)
        paths = find_photographs(list(settings.data))
        train, held_out = split_photographs(paths)
        if not held_out:
            raise CalibrationError(f"one photograph is too few: {paths[0]} has no other to test on")
        self.training_photographs, self.held_out_photographs = train, held_out
        self._pictures = [read_photograph(p) for p in train]
        self.validation_blurred, self.validation_truth = validation_pairs(
            held_out, settings.validation_crops, settings.pairs.blur
        )
        self.network = PlainUNet(settings.network)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=1e-4, betas=(0.9, 0.95)
        )
        self.crops_done = 0
        self._load()

    @property
    def checkpoint(self) -> Path:
        return self.settings.out / "checkpoint.pt"

    def run(self, report: Callable[[TrainingState], None]) -> Evaluation:
        """Train to the end or to SIGINT/SIGTERM; the last state is saved either way."""
        settings = self.settings
        last_save = last_report = time.monotonic()
        since_report, losses = 0, 0.0
        with signals_received() as signals:
            for blurred, truth in self._batches():
                losses += self._step(blurred, truth) * len(blurred)
                since_report += len(blurred)
                now = time.monotonic()
                if now - last_save > 60 * settings.save_minutes:
                    last_save = now
                    self._save()
                    validation: Evaluation | None = self.validate()
                elif now - last_report > 2.0:
                    validation = None
                else:
                    continue
                rate = since_report / (now - last_report)
                loss = losses / since_report
                self._report(
                    report, TrainingState(self.crops_done, settings.crops, loss, rate, validation)
                )
                last_report, since_report, losses = time.monotonic(), 0, 0.0
                if signals:
                    break
        self._save()
        final = self.validate()
        self._report(report, TrainingState(self.crops_done, settings.crops, 0.0, 0.0, final))
        card = json.dumps(self.card(final), indent=2) + "\n"
        write_text_atomically(settings.out / RUN_CARD, card)
        return final

    def validate(self) -> Evaluation:
        """Restore the held-out pairs with the averaged weights; draws ``examples.png``."""
        result = evaluate(self.averaged, self.validation_blurred, self.validation_truth)
        rows = [self.validation_blurred, result.restored, self.validation_truth]
        write_strip(self.settings.out / "examples.png", rows)
        return result

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        settings = self.settings
        pairs = BlurredCrops(self._pictures, settings.pairs, settings.seed, settings.crops)
        remaining = Subset(pairs, range(self.crops_done, settings.crops))
        loader = DataLoader(
            remaining,
            settings.batch,
            num_workers=1,
            prefetch_factor=4,
            worker_init_fn=_one_thread,
            drop_last=True,
        )
        yield from loader

    def _step(self, blurred: Tensor, truth: Tensor) -> float:
        settings = self.settings
        factor = learning_rate_factor(self.crops_done, settings.crops, settings.decay_share)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * factor
        x = (blurred / 255.0).contiguous(memory_format=torch.channels_last)
        y = truth / 255.0
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            restored = self.network(x)
        restored = restored.float()
        loss = charbonnier(restored, y) + settings.frequency_weight * frequency_l1(restored, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.crops_done += len(blurred)
        self._average()
        return float(loss.detach())

    @torch.no_grad()
    def _average(self) -> None:
        steps_done = self.crops_done / self.settings.batch
        keep = min(1 - 1 / self.settings.ema_steps, steps_done / (steps_done + 10))
        for mean, value in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(value, 1 - keep)

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "crops_done": self.crops_done,
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
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.crops_done = state["crops_done"]

    def _start_from(self, start: str) -> None:
        """Take the deblurrer of a profile, a fresh optimizer, and the schedule from its start."""
        profile = load_profile(start)
        prefix = "deblurrer."
        tensors = {
            key.removeprefix(prefix): torch.from_numpy(value.astype("float32"))
            for key, value in profile.weights.items()
            if key.startswith(prefix)
        }
        try:
            self.network.load_state_dict(tensors)
        except RuntimeError as error:
            raise CalibrationError(
                f"the weights of profile {start} are of another network: {error}"
            ) from error
        self.averaged.load_state_dict(tensors)

    def _report(self, report: Callable[[TrainingState], None], state: TrainingState) -> None:
        if state.validation is not None:
            line = {
                "crops": state.crops_done,
                "loss": state.loss,
                "psnr_in_db": state.validation.psnr_in_db,
                "psnr_out_db": state.validation.psnr_out_db,
                "improved_share": state.validation.improved_share,
            }
            with (self.settings.out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
        report(state)

    def card(self, final: Evaluation) -> dict[str, Any]:
        """What the run was and reached, as plain JSON values for the weights' card."""
        settings = self.settings
        return {
            "crops": self.crops_done,
            "batch": settings.batch,
            "optimizer": f"AdamW, learning rate {settings.learning_rate}",
            "loss": f"Charbonnier + {settings.frequency_weight} Fourier L1",
            "seed": settings.seed,
            "start": settings.start,
            "pairs": asdict(settings.pairs),
            "data": [path.name for path in self.training_photographs],
            "held_out": [path.name for path in self.held_out_photographs],
            "validation_crops": settings.validation_crops,
            "validation_psnr_in_db": round(final.psnr_in_db, 3),
            "validation_psnr_out_db": round(final.psnr_out_db, 3),
            "validation_gain_db": round(final.gain_db, 3),
            "validation_improved_share": round(final.improved_share, 3),
        }


def validation_pairs(
    photographs: list[Path], count: int, blur: KnownBlur | None = None
) -> tuple[Tensor, Tensor]:
    """The same blurred and sharp 256x256 crops every time, uint8 (count, 3, 256, 256)."""
    recipe = PairRecipe(blur=blur or KnownBlur(), crop_px=256, sharp_share=0.0)
    pictures = [read_photograph(p) for p in photographs]
    pairs = BlurredCrops(pictures, recipe, seed=20240617, length=count)
    blurred, truth = default_collate([pairs[i] for i in range(count)])
    return blurred, truth


def _one_thread(_: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
