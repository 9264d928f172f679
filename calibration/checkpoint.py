"""A training run's state on disk: whole or absent, never executed when it is read."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from calibration.errors import CalibrationError
from engines.files import write_atomically


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values.

    Raises:
        OSError: the folder is read-only or full; the previous checkpoint stays.
    """
    write_atomically(path, lambda temporary: torch.save(state, temporary))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        CalibrationError: the file is missing or damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise CalibrationError(
            f"{path} cannot be read ({reason}); remove it to start again"
        ) from error
    return state
