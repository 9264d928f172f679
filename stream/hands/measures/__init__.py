"""What can be measured in a session, by its task; each figure says whether it may be believed.

Needs the extra ``hands`` (scipy, monalysa).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.table import Table

from engines.files import write_text_atomically
from stream.errors import StreamError
from stream.hands.measures.measure import Measure
from stream.hands.measures.quality import Quality, quality
from stream.hands.session import (
    STATEMENT,
    Session,
    Sidecar,
    Task,
    check_replaces_no_recording,
)
from stream.hands.session_table import Picture, Trajectory

__all__ = ["Measure", "Measured", "measure_session", "measures_table", "notices", "write_measures"]

FILE_NAME = "measures.json"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured in one picture.

    Attributes:
        estimated: it rests on frames that an engine made.
        quality: of the data; first in every report.
        measures: of the movement.
    """

    picture: Picture
    estimated: bool
    quality: Quality
    measures: tuple[Measure, ...]


def measure_session(session: Session) -> list[Measured]:
    """Measure both pictures.

    Raises:
        StreamError: nothing was recorded, or the extra `hands` is not installed.
    """
    measured = [
        _measure(session.sidecar, trajectory)
        for trajectory in session.trajectories.values()
        if len(trajectory)
    ]
    if not measured:
        raise StreamError(f"{session.folder}: no frame was recorded; there is nothing to measure")
    return measured


def write_measures(session: Session, measured: list[Measured], path: Path | None = None) -> Path:
    """Write what was measured as JSON, if not told where into the session's folder.

    Raises:
        StreamError: it cannot be written, or something recorded is there.
    """
    path = path or session.folder / FILE_NAME
    check_replaces_no_recording(path)
    content: dict[str, Any] = {
        "session": session.sidecar.id,
        "task": session.sidecar.task,
        "statement": STATEMENT,
        "pictures": [
            {
                "picture": one.picture,
                "estimated_by_deblurring": one.estimated,
                "quality": asdict(one.quality),
                "measures": [{**asdict(m), "valid": m.valid} for m in one.measures],
            }
            for one in measured
        ],
    }
    try:
        write_text_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise StreamError(
            f"{path} cannot be written: {error.strerror}; name another file with --to"
        ) from None
    return path


def notices(measured: list[Measured]) -> list[str]:
    """What to look into before anything is believed, a line a picture."""
    return [f"{one.picture}: {one.quality.notice}" for one in measured if one.quality.notice]


def measures_table(measured: list[Measured]) -> Table:
    """A table for the terminal: a row a measure, a column a picture; below it what to look into."""
    caption = "\n".join(notices(measured)) or None
    table = Table(
        "",
        *(one.picture for one in measured),
        "",
        caption=caption,
        caption_style="yellow",
        caption_justify="left",
    )
    rows = zip(*[(*one.quality.measures(), *one.measures) for one in measured], strict=True)
    for row in rows:
        problems = {m.problem for m in row if m.problem}
        table.add_row(row[0].name, *(_cell(m) for m in row), "; ".join(sorted(problems)))
    return table


def _cell(measure: Measure) -> str:
    if measure.value is None:
        return "-"
    text = f"{measure.value:.3g} {measure.unit}".strip()
    return text if measure.valid else f"[dim]({text})[/]"


def _measure(sidecar: Sidecar, trajectory: Trajectory) -> Measured:
    try:
        from stream.hands.measures.jumps import number_of_jumps, without_strays
        from stream.hands.measures.range_of_motion import opening_measures, range_measures
        from stream.hands.measures.reach import reach_measures
        from stream.hands.measures.rhythm import tapping_measures
        from stream.hands.measures.tremor import tremor_measures
    except ModuleNotFoundError as error:
        raise StreamError(
            f"measuring needs {error.name}: pip install 'blur2blur-live[hands]'"
        ) from None
    of_task: dict[Task, Callable[[Trajectory, Quality], Sequence[Measure]]] = {
        "finger-tapping": partial(tapping_measures, pauses_s=sidecar.not_recorded_s),
        "open-close": partial(opening_measures, pauses_s=sidecar.not_recorded_s),
        "reach": reach_measures,
        "rest": tremor_measures,
        "free": range_measures,
    }
    found = quality(trajectory, sidecar.not_recorded_s)
    steady = without_strays(trajectory)
    problem = _problem_of_jumps(number_of_jumps(steady))
    measures = [
        replace(measure, problem="; ".join(p for p in (measure.problem, problem) if p))
        for measure in of_task[sidecar.task](steady, found)
    ]
    return Measured(
        picture=trajectory.picture,
        estimated=trajectory.estimated,
        quality=found,
        measures=tuple(measures),
    )


def _problem_of_jumps(jumps: int) -> str:
    if not jumps:
        return ""
    steps = "1 step" if jumps == 1 else f"{jumps} steps"
    return f"another hand may have been measured: {steps} faster than hands are"
