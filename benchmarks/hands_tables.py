"""The figures of `bench hands` as tables and as a chart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.hands_blurred import METHODS
from engines.files import write_atomically

_LIVE = {
    "frames/s": "fps_output",
    "age p50, ms": "age_p50_ms",
    "age p95, ms": "age_p95_ms",
    "engine p50, ms": "engine_p50_ms",
    "frames tracked": "tracked_share",
    "landmarks behind p50, ms": "behind_p50_ms",
    "p95, ms": "behind_p95_ms",
}


def tables(result: Mapping[str, Any]) -> list[Table]:
    """For the terminal."""
    return [_blur_table(result), _clip_table(result), _live_table(result)]


def _blur_table(result: Mapping[str, Any]) -> Table:
    frames, palm = result["still_frames"], result["palm_px_median"]
    table = Table(title=f"PCK of {frames} frames x 2 directions (found), palm {palm:.0f} px")
    for heading in ("blur, palms", *METHODS):
        table.add_column(heading, justify="right")
    for row in result["levels"]:
        cells = (row["methods"][method] for method in METHODS)
        texts = (f"{cell['pck']:.0f} ({cell['detected']:.0f})" for cell in cells)
        table.add_row(f"{row['blur_palms']:g}", *texts)
    return table


def _clip_table(result: Mapping[str, Any]) -> Table:
    names = list(result["total"]["with_hand"])
    table = Table(title="frames with a hand (of those that raw lost between two sightings)")
    for heading in ("clip", "frames", *names):
        table.add_column(heading, justify="left" if heading == "clip" else "right")
    for row in [*result["clips"], {"clip": "total", **result["total"]}]:
        cells = (f"{row['with_hand'][name]} ({row['of_these_found'][name]})" for name in names)
        table.add_row(row["clip"], str(row["frames"]), *cells)
    return table


def _live_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="640x480 at 30 frames a second, --deblur on")
    for heading in ("", *_LIVE):
        table.add_column(heading, justify="right" if heading else "left")
    for row in result["live"]:
        table.add_row(*_live_cells(row))
    return table


def _live_cells(row: Mapping[str, Any]) -> list[str]:
    values = (row[key] for key in _LIVE.values())
    return [row["name"], *("" if value is None else f"{value:.3g}" for value in values)]


def markdown(result: Mapping[str, Any]) -> str:
    """The tables for a report."""
    lines = [
        f"{result['still_frames']} still frames x 2 directions, median palm "
        f"{result['palm_px_median']} px, profile {result['profile']}. PCK@0.2 palm with missed "
        "hands as 0, in brackets the share of hands found, %.",
        "",
        f"| blur, palms | {' | '.join(METHODS)} |",
        "|" + "---|" * (len(METHODS) + 1),
    ]
    for row in result["levels"]:
        cells = [row["methods"][method] for method in METHODS]
        texts = [f"{cell['pck']:.0f} ({cell['detected']:.0f})" for cell in cells]
        lines.append(f"| {row['blur_palms']:g} | {' | '.join(texts)} |")
    names = list(result["total"]["with_hand"])
    lines += ["", f"| clip | frames | {' | '.join(names)} |", "|" + "---|" * (len(names) + 2)]
    for row in [*result["clips"], {"clip": "total", **result["total"]}]:
        texts = [f"{row['with_hand'][name]} ({row['of_these_found'][name]})" for name in names]
        lines.append(f"| {row['clip']} | {row['frames']} | {' | '.join(texts)} |")
    lines.append("")
    lines.append("Frames with a hand; in brackets, of those that raw lost between two sightings.")
    lines += ["", f"| live | {' | '.join(_LIVE)} |", "|" + "---|" * (len(_LIVE) + 1)]
    lines += [f"| {' | '.join(_live_cells(row))} |" for row in result["live"]]
    return "\n".join(lines) + "\n"


def draw(result: Mapping[str, Any], path: Path) -> None:
    """PCK over blur."""
    from matplotlib.figure import Figure  # takes a second to load

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    styles = {
        "raw": ("#777777", "o", "-"),
        "content with less": ("#aaaaaa", "v", ":"),
        "deblurred": ("#0b6e99", "o", "-"),
        "deblurred, region": ("#0b6e99", "s", "--"),
        "oracle": ("#d89614", "d", ":"),
    }
    levels = [row["blur_palms"] for row in result["levels"]]
    for method, (color, marker, line) in styles.items():
        values = [row["methods"][method]["pck"] for row in result["levels"]]
        axes.plot(levels, values, color=color, marker=marker, linestyle=line, label=method)
    axes.set(xlabel="blur, palm lengths", ylabel="PCK@0.2 palm, missed hands as 0, %")
    axes.grid(alpha=0.3)
    axes.legend()
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))
