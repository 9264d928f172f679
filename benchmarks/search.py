"""Which network to train? Candidates get equal time; PSNR is drawn against engine time.

All begin with fresh weights, but that those which look for motion can read spectra already, as the
shipped `balanced` does: to learn that takes half an hour, which is not counted.

Run: python -m benchmarks.search --data PHOTOS --out RUNS --minutes 5

Each candidate trains in a folder of its own and resumes there; the figures are written to
``search.json`` and drawn to ``search.png`` in ``--to`` (benchmarks/results if not given).
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.engine import bare_times_ms
from benchmarks.pareto import Choice, draw_front, pareto_front
from calibration.checkpoint import load_checkpoint
from calibration.errors import CalibrationError
from calibration.losses import LossWeights
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from engines.engine import EngineShape
from engines.export import export_deblurrer
from engines.files import first_problem, write_text_atomically
from engines.networks import (
    MotionUNetSpec,
    NAFNetSpec,
    NetworkSpec,
    PlainUNetSpec,
    named_specification,
)
from engines.networks.cost import multiply_accumulates
from engines.profile import load_profile
from engines.selection import choose_engine
from stream.statistics import machine_facts

CANDIDATES: dict[str, NetworkSpec] = {
    "s4-w32": PlainUNetSpec(stem=4),
    "s4-w48": PlainUNetSpec(stem=4, width=48),
    "s4-w64-two-levels": PlainUNetSpec(
        stem=4, width=64, encoder_blocks=(4, 6), decoder_blocks=(4,)
    ),
    "s2-w32-short": named_specification("plain-short"),
    "s2-w24": PlainUNetSpec(width=24),
    "s2-w32": PlainUNetSpec(),
    "s2-w32-four-levels": PlainUNetSpec(encoder_blocks=(1, 2, 2, 2), decoder_blocks=(1, 2, 2)),
    "s2-w48": PlainUNetSpec(width=48),
    "nafnet16": NAFNetSpec(width=16),
    "motion-w16": named_specification("fast"),
    "motion-w24": MotionUNetSpec(
        width=24, encoder_blocks=(1, 1, 3), decoder_blocks=(1, 1), filtered=1, window_stride=64
    ),
}
_READS_AS = "balanced"
_TIMED_FRAMES = 60


@dataclass(frozen=True, kw_only=True)
class Candidate(Choice):
    """What became of a candidate, and what there is to it."""

    params: int
    gmacs: float
    crops: int


def search(
    settings: DeblurrerTraining, candidates: Mapping[str, NetworkSpec], console: Console
) -> list[Candidate]:
    """Train every candidate as the settings say, but for their network, and measure it."""
    results = []
    for name, spec in candidates.items():
        start = _READS_AS if isinstance(spec, MotionUNetSpec) else None
        chosen = replace(settings, network=spec, start=start, out=settings.out / name)
        trainer = DeblurrerTrainer(chosen)
        final = trainer.run(lambda state: None)
        if not trainer.finished:
            raise CalibrationError(f"stopped at {name}; run the same command to go on")
        network = spec.build()
        found = Candidate(
            name=name,
            params=sum(p.numel() for p in network.parameters()),
            gmacs=round(multiply_accumulates(network, 480, 640) / 1e9, 2),
            engine_ms=round(_engine_ms(chosen), 2),
            crops=trainer.crops_done,
            psnr_gain_db=round(final.gain_db, 3),
        )
        console.print(found)
        results.append(found)
    return results


def _engine_ms(settings: DeblurrerTraining) -> float:
    """Median of the fused engine at 640x480 in the precision that `live` takes here."""
    state = load_checkpoint(settings.out / "checkpoint.pt")
    folder = settings.out / "profile"
    export_deblurrer(
        folder,
        name=settings.out.name,
        network=settings.network,
        weights=state["averaged"],
        card={},
    )
    shape = EngineShape(height=480, width=640)
    chosen = choose_engine(load_profile(str(folder)), shape, cache=None)
    return float(np.median(bare_times_ms(chosen.engine, _TIMED_FRAMES)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--minutes", type=float, default=5.0, help="training of each candidate")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    figures, front = arguments.to / "search.json", arguments.to / "search.png"
    if (problem := first_problem(figures, front)) is not None:  # an hour lies before them
        parser.error(problem)
    settings = DeblurrerTraining(
        data=tuple(arguments.data),
        out=arguments.out,
        minutes=arguments.minutes,
        loss=LossWeights(relative=False),  # with which a fresh network learns within minutes
    )
    try:
        found = search(settings, CANDIDATES, Console())
    except CalibrationError as error:
        parser.exit(1, f"{error}\n")
    result: dict[str, Any] = {
        "benchmark": "search",
        "machine": machine_facts(),
        "minutes": arguments.minutes,
        "front": pareto_front(found),
        "candidates": [vars(one) for one in found],
    }
    write_text_atomically(figures, json.dumps(result, indent=2) + "\n")
    draw_front(found, front)


if __name__ == "__main__":
    main()
