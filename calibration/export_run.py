"""`blur2blur train export`: make a profile of a training run."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from torch import Tensor

from calibration.checkpoint import load_checkpoint
from calibration.errors import CalibrationError
from calibration.profile_networks import part_weights
from calibration.start import stored_start
from calibration.training_run import CHECKPOINT, read_run_card
from engines.export import export_deblurrer
from engines.networks import read_specification
from engines.profile import LEFT_BELOW, WEIGHTS, load_profile


def export_run(
    run: Path,
    to: Path,
    name: str,
    about: str,
    quality: Path | None,
    console: Console,
    *,
    keep: float = 0.0,
    left_below: float | None = None,
) -> int:
    """Write the run's averaged weights as a profile with a card; returns the exit status.

    Weights that were trained on for something new, and forgot a little of the old, do both nearly
    as well where they are averaged with those they began with (Wortsman et al., "Robust fine-tuning
    of zero-shot models", CVPR 2022).

    Args:
        keep: share of the profile's weights that the run began with.
        left_below: as of :func:`engines.fused.keep_still`; as what the run began with, if None.
        quality: what `bench quality --json` wrote of a profile of this name, for the card.

    Raises:
        CalibrationError: the folder holds no run, one that has gone on since its figures were
            written, or the file no figures of this profile; or there is nothing to keep.
        ProfileError: the weights cannot be written as a profile.
    """
    card = read_run_card(run)
    figures_of_quality = {} if quality is None else {"quality": _quality(quality, name)}
    state = load_checkpoint(run / CHECKPOINT)
    if "translator" in state:
        raise CalibrationError(
            f"{run} trains a translator, which is no deblurrer; `blur2blur calibrate train` makes "
            "its profile"
        )
    if state["crops_done"] != card["crops"]:
        raise CalibrationError(
            f"{run} went on to {state['crops_done']} crops since its figures were written, at "
            f"{card['crops']}; wait until it ends, or run the same command again and stop it with "
            "Ctrl-C"
        )
    if left_below is None:
        start = stored_start(state)
        left_below = LEFT_BELOW if start is None else start.left_below
    weights = state["averaged"]
    figures = {key: value for key, value in card.items() if key.startswith("validation_")}
    told = f"{figures}"
    if keep:  # the figures are of the run alone
        weights = _mixed(weights, card, keep)
        card = {k: v for k, v in card.items() if k not in figures} | {"kept_of_start": keep}
        told = f"{keep:g} of its weights are those of {card['start']}"
    export_deblurrer(
        to,
        name=name,
        network=read_specification(state["specification"]),
        weights=weights,
        card={"about": about, "training": {**card, "commit": _commit()}, **figures_of_quality},
        left_below=left_below,
    )
    console.print(escape(f"{to}: {told}"), highlight=False)
    return 0


def _mixed(
    weights: Mapping[str, Tensor], card: Mapping[str, Any], keep: float
) -> dict[str, Tensor]:
    """Weights between a run's own and those of the profile that it began with."""
    start = card.get("start")
    if start is None:
        raise CalibrationError("the run began with fresh weights; there is nothing to --keep")
    profile = load_profile(start)
    began_with = card.get("start_sha256", profile.weights_sha256)  # older cards do not tell
    if profile.weights_sha256 != began_with:
        raise CalibrationError(
            f"profile {start} holds other weights than the run began with ({WEIGHTS} of SHA-256 "
            f"{began_with}), which --keep would mix in; put those back, or leave --keep out"
        )
    first = part_weights(profile, "deblurrer")
    if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in weights.items()}:
        raise CalibrationError(f"profile {start} is of another network by now; leave --keep out")
    return {
        name: torch.lerp(own.float(), first[name].float(), keep) if own.is_floating_point() else own
        for name, own in weights.items()
    }


def _quality(file: Path, name: str) -> dict[str, Any]:
    """The row of this profile, and the photographs that it was measured on."""
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        row = next(row for row in result["rows"] if row["name"] == name)
        machine = result["machine"]["processor"]
        return {"photographs": result["photographs"], "machine": machine, **row}
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise CalibrationError(
            f"{file} holds no figures of {name} ({type(error).__name__}); "
            "`blur2blur bench quality --json FILE` writes them"
        ) from error


def _commit() -> str:
    """The commit of the code, or 'unknown' outside a checkout."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
