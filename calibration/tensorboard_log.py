"""A training for TensorBoard: `tensorboard --logdir RUN` shows its curves and pictures live."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from calibration.picture_file import read_picture
from calibration.training_run import TrainingState

FOLDER = "tensorboard"
EXAMPLES = "examples.png"


class TensorBoardLog:
    """Events of one run, in a folder of its own beside the run's other files.

    Args:
        run: folder of the run.
        crops_done: where it goes on; what an interrupted run logged beyond that is not shown.
    """

    def __init__(self, run: Path, crops_done: int) -> None:
        self._run = run
        self._writer = SummaryWriter(str(run / FOLDER), purge_step=crops_done)

    def add(self, state: TrainingState[Any]) -> None:
        """Loss and speed; after a validation its figures, and the examples that it drew."""
        add: Any = self._writer.add_scalar
        step = state.crops_done
        add("training/loss", state.loss, step)
        add("training/crops_per_s", state.crops_per_s, step)
        if state.validation is None:
            return
        for field in fields(state.validation):
            value = getattr(state.validation, field.name)
            if isinstance(value, float):
                add(f"validation/{field.name}", value, step)
        picture = read_picture(self._run / EXAMPLES) if (self._run / EXAMPLES).is_file() else None
        if picture is not None:
            show: Any = self._writer.add_image
            show("examples", picture, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
