"""How a training run goes: a log that programs read, and a curve that people look at."""

import json
from pathlib import Path
from typing import Any

from calibration.evaluation import Evaluation
from engines.files import write_atomically

LOG = "log.jsonl"
CURVE = "curve.png"


class TrainingLog:
    """``log.jsonl``, a line a validation, and ``curve.png`` drawn of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, crops: int, loss: float, validation: Evaluation) -> None:
        line = {
            "crops": crops,
            "loss": loss,
            "psnr_in_db": validation.psnr_in_db,
            "psnr_out_db": validation.psnr_out_db,
            "improved_share": validation.improved_share,
        }
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        draw_curve(self.lines(), self.folder / CURVE)

    def lines(self) -> list[dict[str, Any]]:
        text = (self.folder / LOG).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def draw_curve(lines: list[dict[str, Any]], path: Path) -> None:
    """Draw the gain in PSNR on held-out pictures over the pairs trained on."""
    from matplotlib.figure import Figure  # takes a second to load

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        [line["crops"] / 1000 for line in lines],
        [line["psnr_out_db"] - line["psnr_in_db"] for line in lines],
        marker=".",
    )
    axes.set(xlabel="thousand pairs", ylabel="PSNR gain on held-out pictures, dB")
    axes.grid(alpha=0.3)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))
