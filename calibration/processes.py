"""The processes and the arithmetic that a training run has, as it was launched."""

import logging
import multiprocessing
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch.utils.data import DataLoader

from calibration.errors import CalibrationError
from calibration.precision import training_dtype
from engines.processor import usable_cores

Batch = TypeVar("Batch")

_MOST_COPIES = 4
_PATIENCE = timedelta(hours=12)
"""What one process does for all, as to learn to read spectra, takes longer than torch waits."""


def make_fabric() -> Fabric:
    """As torchrun says, or one process; fp32 weights, and bf16 products where they are native."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    launched = torch.distributed.is_torchelastic_launched()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True  # crops are of one size
    low = training_dtype(device) is torch.bfloat16
    fabric = Fabric(
        accelerator=device.type,
        devices=int(os.environ["LOCAL_WORLD_SIZE"]) if launched else 1,
        num_nodes=int(os.environ["GROUP_WORLD_SIZE"]) if launched else 1,
        strategy=DDPStrategy(timeout=_PATIENCE) if launched else "auto",
        precision="bf16-mixed" if low else "32-true",
    )
    fabric.launch()
    return fabric


def loader_workers(processes: int, device: torch.device) -> int:
    """Processes that make crops beside each training process.

    On a CPU with a process a core the crops are best made in turn with the steps: a worker would
    take the core from a step that the other processes wait for.
    """
    if device.type == "cpu":
        return 1 if processes == 1 else 0
    return max(1, usable_cores() // processes - 1)


def reading_workers() -> int:
    """Processes that make pictures to learn reading from, where no other uses the cores."""
    return workers_that_fit(usable_cores(), multiprocessing.get_context().get_start_method())


def workers_that_fit(cores: int, start_method: str) -> int:
    """One a core; where they are not forked, a few, as each holds all photographs once more.

    Args:
        cores: that may be used.
        start_method: of processes, as :mod:`multiprocessing` calls it.
    """
    return cores if start_method == "fork" else min(cores, _MOST_COPIES)


def from_workers(loader: DataLoader[Batch]) -> Iterator[Batch]:
    """What the processes that make crops send. They end with it, also where one of them fails.

    Raises:
        CalibrationError: as it was raised there, in one line.
    """
    batches = iter(loader)
    try:
        yield from batches
    except CalibrationError as error:
        name = f"{type(error).__module__}.{type(error).__qualname__}: "
        raise CalibrationError(str(error).strip().splitlines()[-1].removeprefix(name)) from None
    finally:
        # They leave signals to this process; what waited for them at its end would wait for ever.
        end = getattr(batches, "_shutdown_workers", None)
        if end is not None:
            end()
