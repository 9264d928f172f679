"""The figures of `bench hands` as tables and as a chart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.hand_cases import DIRECTIONS
from benchmarks.hands_blurred import METHODS
from benchmarks.hands_clips import WAYS
from engines.files import write_atomically

_STEADINESS = {
    "longest gap, ms": "longest_gap_ms",
    "jitter at rest, px": "jitter_at_rest_px",
    "side flips": "side_flips",
}
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
    table = Table(
        title=f"PCK of {frames} frames x {DIRECTIONS} directions (found), palm {palm:.0f} px"
    )
    for heading in ("blur, palms", *map(_plain, METHODS)):
        table.add_column(heading, justify="right")
    for row in result["blur_levels"]:
        table.add_row(*_blur_cells(row))
    return table


def _blur_cells(row: Mapping[str, Any]) -> list[str]:
    texts = (f"{row['pck'][name]:.0f} ({row['detected'][name]:.0f})" for name in METHODS)
    return [f"{row['palm']:g}", *texts]


def _clip_table(result: Mapping[str, Any]) -> Table:
    table = Table(title="frames with a hand (of those that raw lost between two sightings)")
    for heading in ("clip", "frames", *map(_plain, WAYS)):
        table.add_column(heading, justify="left" if heading == "clip" else "right")
    for row in _clip_rows(result):
        table.add_row(*_clip_cells(row))
    for name, cells in _steadiness(result["clips_total"]).items():
        table.add_row(name, "", *cells)
    return table


def _clip_rows(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*result["clips"], {"name": "total", **result["clips_total"]}]


def _clip_cells(row: Mapping[str, Any]) -> list[str]:
    texts = (f"{row[f'found_{way}']} ({row[f'recovered_{way}']})" for way in WAYS)
    return [row["name"], str(row["frames"]), *texts]


def _steadiness(total: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        name: ["" if (value := total[f"{key}_{way}"]) is None else f"{value:g}" for way in WAYS]
        for name, key in _STEADINESS.items()
    }


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _live_table(result: Mapping[str, Any]) -> Table:
    table = Table(title=f"{result['live'][0]['size']} at 30 frames a second, --deblur on")
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
    by_clip = ", ".join(f"{name} {n}" for name, n in result["still_frames_by_clip"].items())
    lines = [
        f"{result['still_frames']} still frames ({by_clip}) x {DIRECTIONS} directions, median palm "
        f"{result['palm_px_median']} px, profile {result['profile']}. PCK@0.2 palm with missed "
        "hands as 0, in brackets the share of hands found, %.",
        "",
        f"| blur, palms | {' | '.join(map(_plain, METHODS))} |",
        "|" + "---|" * (len(METHODS) + 1),
    ]
    lines += [f"| {' | '.join(_blur_cells(row))} |" for row in result["blur_levels"]]
    lines += ["", f"| clip | frames | {' | '.join(map(_plain, WAYS))} |"]
    lines.append("|" + "---|" * (len(WAYS) + 2))
    lines += [f"| {' | '.join(_clip_cells(row))} |" for row in _clip_rows(result)]
    steadiness = _steadiness(result["clips_total"])
    lines += [f"| {name} | | {' | '.join(cells)} |" for name, cells in steadiness.items()]
    lines.append("")
    lines.append("Frames with a hand; in brackets, of those that raw lost between two sightings.")
    lines += [
        "",
        f"| live, {result['live'][0]['size']} | {' | '.join(_LIVE)} |",
        "|" + "---|" * (len(_LIVE) + 1),
    ]
    lines += [f"| {' | '.join(_live_cells(row))} |" for row in result["live"]]
    return "\n".join(lines) + "\n"


def draw(result: Mapping[str, Any], path: Path) -> None:
    """PCK over blur."""
    from matplotlib.figure import Figure  # takes a second to load

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    styles = {
        "raw": ("#777777", "o", "-"),
        "raw_low_threshold": ("#aaaaaa", "v", ":"),
        "deblurred": ("#7fb8cc", "o", "-"),
        "gated": ("#0b6e99", "o", "-"),
        "gated_region": ("#0b6e99", "s", "--"),
        "oracle": ("#d89614", "d", ":"),
    }
    palms = [row["palm"] for row in result["blur_levels"]]
    for method, (color, marker, line) in styles.items():
        values = [row["pck"][method] for row in result["blur_levels"]]
        axes.plot(palms, values, color=color, marker=marker, linestyle=line, label=_plain(method))
    axes.set(xlabel="blur, palm lengths", ylabel="PCK@0.2 palm, missed hands as 0, %")
    axes.grid(alpha=0.3)
    axes.legend()
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=120))
