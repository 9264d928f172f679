"""A training run's state on disk: whole or absent, never executed when it is read."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from calibration.errors import CalibrationError
from engines.files import write_atomically

_LESSONS = "lessons"
_NEEDED = {"specification", "averaged", "crops_done", "seconds"}


def save_checkpoint(path: Path, state: Mapping[str, Any], lessons: Mapping[str, Any]) -> None:
    """Write tensors and plain values.

    Args:
        path: of the file.
        state: of the run.
        lessons: what it learns from, as JSON has it.

    Raises:
        OSError: the folder is read-only or full; the previous checkpoint stays.
    """
    whole = {**state, _LESSONS: _plain(lessons)}
    written = io.BytesIO()
    torch.save(whole, written)  # what it raises on a full disk is no OSError
    write_atomically(path, lambda temporary: temporary.write_bytes(written.getbuffer()))


def check_lessons(path: Path, state: Mapping[str, Any], lessons: Mapping[str, Any]) -> None:
    """A run goes on only with what it began with, as far as its checkpoint tells.

    Raises:
        CalibrationError: ``state``, which was read from ``path``, learned from something else.
    """
    wanted = _plain(lessons)
    before = state.get(_LESSONS, {})
    if other := [name for name, value in wanted.items() if before.get(name, value) != value]:
        raise CalibrationError(
            f"{path} learned with other {', '.join(other)}; name another --out, or remove "
            f"{path.parent} to begin again"
        )


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        CalibrationError: the file is missing or damaged.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no checkpoint fail in every way there is
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CalibrationError(
            f"{path} cannot be read ({reason}); remove it to start again"
        ) from error
    if not isinstance(state, dict) or not state.keys() >= _NEEDED:
        raise CalibrationError(f"{path} is no training run's; remove it to start again")
    return state


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has them, so that what was stored and what is at hand compare."""
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return plain
