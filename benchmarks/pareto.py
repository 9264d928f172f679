"""Networks that no other beats in both time and picture: the Pareto front, and its chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.files import write_atomically


@dataclass(frozen=True)
class Choice:
    """A network that one may take: what it costs, milliseconds at 640x480, and what it wins."""

    name: str
    engine_ms: float
    psnr_gain_db: float


def pareto_front(choices: Sequence[Choice]) -> list[str]:
    """Names of those that no other beats in both time and gain, fastest first."""
    front: list[Choice] = []
    for one in sorted(choices, key=lambda c: (c.engine_ms, -c.psnr_gain_db)):
        if not front or one.psnr_gain_db > front[-1].psnr_gain_db:
            front.append(one)
    return [one.name for one in front]


def draw_front(choices: Sequence[Choice], path: Path) -> None:
    """Gain over engine time, the front joined by a line."""
    from matplotlib.figure import Figure  # takes a second to load
    from matplotlib.ticker import LogLocator, ScalarFormatter

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    front = set(pareto_front(choices))
    on_front = sorted((c for c in choices if c.name in front), key=lambda c: c.engine_ms)
    axes.plot([c.engine_ms for c in on_front], [c.psnr_gain_db for c in on_front], "-", alpha=0.5)
    for one in choices:
        axes.plot(one.engine_ms, one.psnr_gain_db, "o" if one.name in front else "x", color="C0")
        axes.annotate(
            one.name,
            (one.engine_ms, one.psnr_gain_db),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=8,
        )
    axes.margins(x=0.2)
    axes.set(
        xscale="log",
        xlabel="engine, ms a frame at 640x480",
        ylabel="PSNR gain on held-out photographs, dB",
    )
    axes.xaxis.set_minor_locator(LogLocator(subs=(2.0, 3.0, 5.0)))  # more would run into each other
    for ticks in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        ticks(ScalarFormatter())
    axes.grid(alpha=0.3)
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))
