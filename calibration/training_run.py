"""A training run as others see it: what it is told, what it tells, and the files of its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from calibration.errors import CalibrationError

RUN_CARD = "run.json"
CHECKPOINT = "checkpoint.pt"

Validation = TypeVar("Validation")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What every run is told.

    Attributes:
        out: folder of the run.
        crops: training crops in all; a resumed run may name another number.
        minutes: the run ends after so long of steps, if that is sooner, and its learning rate falls
            in time; what is learned before the first step comes on top.
        batch: crops a step, over all processes.
        ema_steps: time constant of the averaged weights, which are those that are kept.
        save_minutes: time between checkpoints, each with a validation.
        start: profile, by name or folder, whose weights a new run begins with; one that goes on
            need not be told again.
    """

    out: Path
    crops: int = 400_000
    minutes: float | None = None
    batch: int = 16
    ema_steps: int = 500
    save_minutes: float = 5.0
    seed: int = 0
    start: str | None = None


@dataclass(frozen=True)
class TrainingState(Generic[Validation]):
    """What a run tells while it goes on; ``crops`` are those of the whole run, as expected."""

    crops_done: int
    crops: int
    loss: float
    crops_per_s: float
    validation: Validation | None


def read_run_card(run: Path) -> dict[str, Any]:
    """What a run was and reached, by its ``crops`` and more.

    Raises:
        CalibrationError: there is no such card, or none that tells of crops.
    """
    try:
        card: dict[str, Any] = json.loads((run / RUN_CARD).read_text(encoding="utf-8"))
        card["crops"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CalibrationError(
            f"{run} holds no finished run ({RUN_CARD}: {error}); train there first"
        ) from error
    return card


def has_run_card(run: Path, crops: int) -> bool:
    """Whether the folder tells what the run was and reached after so many crops."""
    try:
        told: int = read_run_card(run)["crops"]
    except CalibrationError:
        return False
    return told == crops
