"""What every training run does: batches, steps, checkpoints, an orderly end; resumable exactly.

Under ``torchrun`` each process takes its share of every batch and the gradients are averaged, by
Lightning Fabric; the step that is taken is the one that a single process would take.
"""

import json
import math
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from calibration.checkpoint import check_lessons, load_checkpoint, save_checkpoint
from calibration.errors import CalibrationError
from calibration.folder_lock import lock_folder
from calibration.processes import from_workers, loader_workers, make_fabric
from calibration.tensorboard_log import TensorBoardLog
from calibration.training_data import one_thread
from calibration.training_run import (
    CHECKPOINT,
    RUN_CARD,
    RunSettings,
    TrainingState,
    Validation,
    has_run_card,
)
from engines.files import write_text_atomically
from engines.shell import shell_word
from engines.signals import signals_received

_STEPS_BETWEEN_LOOKS = 8
_REPORT_S = 2.0


class Trainer(ABC, Generic[Validation]):
    """One run in a folder; made again on the same folder it goes on where it stopped.

    ``seconds`` are of its steps; ``seconds_before``, of what it learned before the first.

    Crop number i depends on the seed and i only, so a resumed run sees the same data as one that
    never stopped. A subclass sets itself up, calls :meth:`load`, and says what a step is.

    Raises:
        CalibrationError: the batch cannot be shared among the processes, there are too few crops
            for one, or another run goes on in the folder.
    """

    settings: RunSettings

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings
        if settings.crops < settings.batch:
            raise CalibrationError(
                f"{settings.crops} crops are too few for a single step, which takes "
                f"{settings.batch}; name more with --crops"
            )
        self.fabric = make_fabric()
        if settings.batch % self.fabric.world_size:
            raise CalibrationError(
                f"a batch of {settings.batch} cannot be shared among "
                f"{self.fabric.world_size} processes; name a multiple with --batch"
            )
        torch.manual_seed(settings.seed)
        self._take_folder()
        self.crops_done = 0
        self.seconds = 0.0
        self.seconds_before = 0.0
        self._share_of_time = 0.0
        self._board: TensorBoardLog | None = None

    @property
    @abstractmethod
    def dataset(self) -> Dataset[Any]:
        """What the batches are drawn from, by number."""

    @property
    @abstractmethod
    def lessons(self) -> Mapping[str, Any]:
        """What it learns from, as plain JSON values: a run goes on with the same only."""

    @abstractmethod
    def step(self, *batch: Tensor) -> Tensor:
        """Learn from one batch, count its crops, and return the loss."""

    @abstractmethod
    def validate(self) -> Validation:
        """Measure the averaged weights on what was held out, and draw examples."""

    @abstractmethod
    def log_validation(self, crops: int, loss: float, validation: Validation) -> None: ...

    @abstractmethod
    def card(self, final: Validation) -> Mapping[str, Any]:
        """What the run was and reached, as plain JSON values for the weights' card."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Weights and optimizers, and ``specification``: what they belong to."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None: ...

    def how_it_ran(self) -> dict[str, Any]:
        """The part of the card that every run has."""
        return {
            "crops": self.crops_done,
            "batch": self.settings.batch,
            "hours": round(self.hours, 2),
            "processes": self.fabric.world_size,
            "command": " ".join(map(shell_word, sys.argv)),
            "seed": self.settings.seed,
        }

    @property
    def hours(self) -> float:
        """That it has learned for."""
        return (self.seconds_before + self.seconds) / 3600

    @property
    def finished(self) -> bool:
        """Whether all crops were trained on, or the time is up; else the run was stopped before."""
        return (
            self.crops_done + self.settings.batch > self.settings.crops or self._share_of_time >= 1
        )

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1, in crops or in time, whichever is more."""
        return max(self.crops_done / max(self.settings.crops, 1), self._share_of_time)

    @property
    def expected_crops(self) -> int:
        """Crops of the whole run; where time bounds it, by its pace so far."""
        return round(self.crops_done / self.progress) if self.progress else self.settings.crops

    @property
    def checkpoint(self) -> Path:
        return self.settings.out / CHECKPOINT

    def run(self, report: Callable[[TrainingState[Validation]], None]) -> Validation:
        """Train to the end or to SIGINT/SIGTERM; the last state is saved either way."""
        if self.fabric.is_global_zero:
            self._board = TensorBoardLog(self.settings.out, self.crops_done)
        try:
            return self._run(report)
        finally:
            if self._board is not None:
                self._board.close()

    def _run(self, report: Callable[[TrainingState[Validation]], None]) -> Validation:
        settings = self.settings
        loss: float | None = None
        last_save = last_report = last_step = time.monotonic()
        since_report, losses = 0, torch.zeros((), device=self.fabric.device)
        with signals_received() as signals:
            for number, batch in enumerate(self.batches(), start=1):
                losses += self.step(*batch) * settings.batch
                since_report += settings.batch
                now = time.monotonic()
                self.seconds += now - last_step
                last_step = now
                if number % _STEPS_BETWEEN_LOOKS:
                    continue
                self._look_at_the_clock()
                if self._anyone(bool(signals)) or self._share_of_time >= 1:
                    break
                loss = float(losses) / since_report
                self.check(loss)  # before a checkpoint replaces the last good one
                validation: Validation | None = None
                if now - last_save > 60 * settings.save_minutes and self.fabric.is_global_zero:
                    last_save = now
                    self.save()
                    validation = self.validate()
                elif now - last_report <= _REPORT_S:
                    continue
                rate = since_report / (now - last_report)
                self._report(report, self._now(loss, rate, validation))
                last_report, since_report = time.monotonic(), 0
                losses.zero_()
                last_step = last_report
        if since_report:
            loss = float(losses) / since_report
            self.check(loss)
        return self._finish(loss, report)

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        """This process's share of each batch that is left, on its device."""
        if self.finished:
            return
        batch, rank, processes = (
            self.settings.batch,
            self.fabric.global_rank,
            self.fabric.world_size,
        )
        share = batch // processes
        starts = range(self.crops_done, self.settings.crops - batch + 1, batch)
        mine = [list(range(start + rank * share, start + (rank + 1) * share)) for start in starts]
        workers = loader_workers(processes, self.fabric.device)
        loader = DataLoader(
            self.dataset,
            batch_sampler=mine,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=one_thread,
            pin_memory=self.fabric.device.type == "cuda",
        )
        for crops in from_workers(loader):
            yield self.on_device(tuple(self.fabric.to_device(crops)))

    def on_device(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What a step takes, made of what the dataset gave, on the device."""
        return batch

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        counters = {
            "crops_done": self.crops_done,
            "seconds": self.seconds,
            "seconds_before": self.seconds_before,
        }
        save_checkpoint(self.checkpoint, {**self.state(), **counters}, self.lessons)

    def load(self) -> bool:
        """Go on from the folder's checkpoint; False where there is none.

        Raises:
            CalibrationError: it is damaged, of another network or version of this program, or
                learned from something else.
        """
        if not self.checkpoint.exists():
            return False
        state = load_checkpoint(self.checkpoint)
        if state["specification"] != self.state()["specification"]:
            raise CalibrationError(
                f"{self.checkpoint} was trained with another network "
                f"({state['specification']}); name another --out"
            )
        check_lessons(self.checkpoint, state, self.lessons)
        try:
            self.load_state(state)
        except torch.OutOfMemoryError:
            raise  # it fits the program, not the device
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CalibrationError(
                f"{self.checkpoint} does not fit this version of the program; name another --out"
            ) from error
        self.crops_done = state["crops_done"]
        self.seconds = state["seconds"]
        self.seconds_before = state.get("seconds_before", 0.0)  # older ones do not tell
        self._look_at_the_clock()
        return True

    def _take_folder(self) -> None:
        """Only the process that writes there takes it; all of a run have to hear of it."""
        out = self.settings.out
        out.mkdir(parents=True, exist_ok=True)
        taken = not self.fabric.is_global_zero or lock_folder(out)
        if not self.fabric.broadcast(taken):
            raise CalibrationError(
                f"another process trains in {out}; wait for its end or stop it, or name another "
                "--out"
            )

    def _finish(
        self, loss: float | None, report: Callable[[TrainingState[Validation]], None]
    ) -> Validation:
        """The end; where nothing was left to learn, ``loss`` is None, and nothing is reported.

        Nor is it told then how it learned: by these settings it did not.
        """
        settings = self.settings
        if self.fabric.is_global_zero:
            self.save()
        final = self.validate()
        if self.fabric.is_global_zero:
            mean_rate = self.crops_done / self.seconds if self.seconds else 0.0
            if loss is not None:
                self._report(report, self._now(loss, mean_rate, final))
            if loss is not None or not has_run_card(settings.out, self.crops_done):
                card = json.dumps(self.card(final), indent=2) + "\n"
                write_text_atomically(settings.out / RUN_CARD, card)
        self.fabric.barrier()
        return final

    def _now(
        self, loss: float, crops_per_s: float, validation: Validation | None
    ) -> TrainingState[Validation]:
        return TrainingState(self.crops_done, self.expected_crops, loss, crops_per_s, validation)

    def _look_at_the_clock(self) -> None:
        """One process's clock counts for all, as all have to take the same steps."""
        if self.settings.minutes is not None:
            share = self.seconds / (60 * self.settings.minutes)
            self._share_of_time = min(1.0, self.fabric.broadcast(share))

    def _anyone(self, stop: bool) -> bool:
        """Whether any process was asked to stop: all of them have to leave together."""
        if self.fabric.world_size == 1:
            return stop
        asked = torch.tensor(float(stop), device=self.fabric.device)
        total = self.fabric.all_reduce(asked, reduce_op="sum")
        assert isinstance(total, Tensor)
        return float(total) > 0

    def check(self, value: float, what: str = "loss") -> None:
        """Before weights are changed, or a checkpoint replaces the last good one.

        Raises:
            CalibrationError: it is not finite.
        """
        if not math.isfinite(value):
            raise CalibrationError(
                f"the {what} is {value} after {self.crops_done} crops: the learning rate is too "
                f"high; name a lower one. {self.checkpoint} holds the last good state"
            )

    def _report(
        self,
        report: Callable[[TrainingState[Validation]], None],
        state: TrainingState[Validation],
    ) -> None:
        if self.fabric.is_global_zero:
            if state.validation is not None:
                self.log_validation(state.crops_done, state.loss, state.validation)
            assert self._board is not None
            self._board.add(state)
            report(state)


def learning_rate_factor(progress: float, decay_share: float) -> float:
    """Warm-up over the first 1 %, then 1, then linearly to 0 over the last ``decay_share``.

    Args:
        progress: how much of the run is done, 0 to 1.
        decay_share: of the run, more than 0.
    """
    return max(0.0, min(1.0, 100 * progress, (1 - progress) / decay_share))
