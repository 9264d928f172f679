"""`blur2blur train export`: make a profile of a training run."""

import json
import subprocess
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from calibration.checkpoint import load_checkpoint
from calibration.errors import CalibrationError
from calibration.train_deblurrer import RUN_CARD
from engines.export import export_deblurrer
from engines.networks import read_specification


def export_run(run: Path, to: Path, name: str, about: str, console: Console) -> int:
    """Write the run's averaged weights as a profile with a card; returns the exit status.

    Raises:
        CalibrationError: the folder holds no run.
        ProfileError: the weights cannot be written as a profile.
    """
    card = _run_card(run)
    state = load_checkpoint(run / "checkpoint.pt")
    export_deblurrer(
        to,
        name=name,
        network=read_specification(state["specification"]),
        weights=state["averaged"],
        card={"about": about, "training": {**card, "commit": _commit()}},
    )
    figures = {key: value for key, value in card.items() if key.startswith("validation_")}
    console.print(escape(f"{to}: {figures}"), highlight=False)
    return 0


def _run_card(run: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads((run / RUN_CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CalibrationError(
            f"{run} holds no finished run ({RUN_CARD}: {error}); train there first"
        ) from error
    return card


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
