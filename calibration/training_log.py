"""How a training run goes: a log that programs read, and a curve that people look at."""

import json
import os
from collections.abc import Mapping
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
        add_line(self.folder / LOG, line)
        draw_curve(read_lines(self.folder / LOG), self.folder / CURVE)


def add_line(log: Path, line: Mapping[str, Any]) -> None:
    """Add a line to a log, even where the last one is cut off, as of a run that was killed."""
    with log.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(f"{json.dumps(dict(line))}\n".encode())


def read_lines(log: Path) -> list[dict[str, Any]]:
    """The lines of a log but for those that are cut off."""
    lines = []
    for text in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "crops" in line:
            lines.append(line)
    return lines


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
