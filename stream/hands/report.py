"""One HTML file about one session, or several of a participant: offline, readable, printable."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.charts import chart_address, new_figure
from engines.files import write_text_atomically
from stream.errors import StreamError
from stream.hands.joint_angles import mean_flexion_degrees
from stream.hands.landmarks import INDEX_TIP, WRIST
from stream.hands.measures import Measure, Measured, measure_session, notices
from stream.hands.session import STATEMENT, Session, Task
from stream.hands.session_choice import one_participant
from stream.hands.session_table import Picture, Trajectory

_COLOURS: dict[Picture, str] = {"raw": "#777777", "deblurred": "#0b6e99"}
_TRACES: dict[Task, str] = {
    "finger-tapping": "opening of thumb and index finger, hand lengths",
    "open-close": "mean flexion of the fingers, degrees",
    "reach": "way of the wrist, palm lengths",
    "rest": "index finger's tip, palm lengths",
    "free": "mean flexion of the fingers, degrees",
}
_COMPARED = 6


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One measure in the pictures of a session, or in several sessions."""

    measure: Measure
    cells: list[Measure]


def write_report(sessions: list[Session], path: Path) -> None:
    """Write the report.

    Raises:
        StreamError: the sessions are of different participants, there is nothing in one, the extra
            `hands` is not installed, or the file cannot be written.
    """
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise StreamError(
            f"a report needs {error.name}: pip install 'blur2blur-live[hands]'"
        ) from None
    participant = one_participant(session.sidecar.participant for session in sessions)
    sessions = sorted(sessions, key=lambda session: session.sidecar.begun)
    measured = [measure_session(session) for session in sessions]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["figure"] = _figure
    page = environment.from_string(files("stream.hands").joinpath("report.html").read_text("utf-8"))
    text = page.render(
        participant=participant,
        statement=STATEMENT,
        sessions=[_section(s, m) for s, m in zip(sessions, measured, strict=True)],
        compared=_comparisons(sessions, measured),
    )
    try:
        write_text_atomically(path, text)
    except OSError as error:
        raise StreamError(
            f"{path} cannot be written: {error.strerror}; name another file with --to"
        ) from None


def _section(session: Session, measured: list[Measured]) -> dict[str, Any]:
    sidecar = session.sidecar
    return {
        "sidecar": sidecar,
        "begun": sidecar.begun[:16].replace("T", " ") + " UTC",
        "chart": _trace_chart(session),
        "pictures": [one.picture for one in measured],
        "notices": [line for line in (session.warning, *notices(measured)) if line],
        "quality": _rows([one.quality.measures() for one in measured]),
        "measures": _rows([list(one.measures) for one in measured]),
        "seconds": max(float(t.time_s[-1]) for t in session.trajectories.values() if len(t)),
    }


def _rows(columns: list[list[Measure]]) -> list[_Row]:
    return [_Row(measure=row[0], cells=list(row)) for row in zip(*columns, strict=True)]


def _comparisons(sessions: list[Session], measured: list[list[Measured]]) -> list[dict[str, Any]]:
    """For each task and hand with several sessions: its first measures over time, raw."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, session in enumerate(sessions):
        groups.setdefault((session.sidecar.task, session.sidecar.hand), []).append(i)
    found = []
    for (task, hand), members in groups.items():
        if len(members) > 1:
            columns = [list(measured[i][0].measures) for i in members]
            found.append(
                {
                    "task": task,
                    "hand": hand,
                    "dates": [sessions[i].sidecar.begun[:16].replace("T", " ") for i in members],
                    "picture": measured[members[0]][0].picture,
                    "rows": _rows(columns),
                    "chart": _comparison_chart(columns),
                }
            )
    return found


def _figure(measure: Measure) -> str:
    if measure.value is None:
        return "–"
    value = (
        f"{measure.value:.0f}" if measure.value == round(measure.value) else f"{measure.value:.3g}"
    )
    return f"{value} {measure.unit}".strip()


def trace(task: Task, trajectory: Trajectory) -> NDArray[np.float64]:
    """(N,) what a session of this task is about, NaN where the hand was not seen."""
    if task == "finger-tapping":
        from stream.hands.measures.cycles import aperture

        return aperture(trajectory)
    if task in ("open-close", "free"):
        return mean_flexion_degrees(trajectory.world)
    points = trajectory.points[:, :, :2]
    place = points[:, INDEX_TIP if task == "rest" else WRIST] / trajectory.median_palm_px
    first = place[np.flatnonzero(trajectory.detected)[:1]]
    return np.asarray(np.linalg.norm(place - first, axis=1)) if len(first) else place[:, 0]


def _trace_chart(session: Session) -> str:
    """Both pictures' traces over time, gaps left open; below, how blurred the frames were."""
    figure = new_figure(8.6, 3.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    task = session.sidecar.task
    for picture, trajectory in session.trajectories.items():
        if len(trajectory) and trajectory.detected.any():
            label = "raw" if picture == "raw" else "deblurred (estimate)"
            upper.plot(
                trajectory.time_s,
                trace(task, trajectory),
                color=_COLOURS[picture],
                lw=1.1,
                label=label,
            )
    raw = next(iter(session.trajectories.values()))
    for start, end in session.sidecar.pauses_s:
        upper.axvspan(start, end, color="#dddddd", lw=0)
    lost = ~raw.detected
    lower.plot(raw.time_s, raw.blur, color="#aa7722", lw=0.9)
    lower.plot(raw.time_s[lost], np.zeros(lost.sum()), "|", color="#cc0000", ms=7)
    upper.set_title(_TRACES[task], fontsize=9, loc="left")
    if upper.lines:
        upper.legend(fontsize=8, frameon=False, loc="upper right")
    lower.set_ylabel("blur", fontsize=8)
    lower.set_xlabel("seconds; red marks: raw picture without the hand", fontsize=8)
    return chart_address(figure)


def _comparison_chart(columns: list[list[Measure]]) -> str:
    rows = [row for row in zip(*columns, strict=True) if all(m.valid for m in row)][:_COMPARED]
    if not rows:
        return ""
    figure = new_figure(8.6, 1.6 * ((len(rows) + 2) // 3))
    axes = np.atleast_1d(figure.subplots((len(rows) + 2) // 3, 3)).ravel()
    for axis, row in zip(axes, rows, strict=False):
        axis.plot(range(1, len(row) + 1), [m.value for m in row], "o-", color="#0b6e99", ms=4, lw=1)
        axis.set_title(f"{row[0].name} {row[0].unit}".strip(), fontsize=8)
        axis.set_xticks(range(1, len(row) + 1))
        values = [m.value or 0.0 for m in row]
        axis.set_ylim(min(0.0, 1.1 * min(values)), max(1e-9, 1.1 * max(values)))
    for axis in axes[len(rows) :]:
        axis.set_visible(False)
    return chart_address(figure)
