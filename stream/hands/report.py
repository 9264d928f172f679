"""One HTML file about one session, or several of a participant: offline, readable, printable."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from engines.charts import chart_address
from engines.files import write_text_atomically
from stream.errors import StreamError
from stream.hands.measures import Measure, Measured, measure_session, notices
from stream.hands.measures.quality import without_pauses
from stream.hands.report_charts import charted, comparison_figure, trace_figure
from stream.hands.session import STATEMENT, Session, Sidecar, check_replaces_no_recording
from stream.hands.session_choice import one_participant


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One measure in the pictures of a session, or in several sessions."""

    measure: Measure
    cells: list[Measure]


def write_report(sessions: list[Session], path: Path) -> None:
    """Write the report.

    Raises:
        StreamError: the sessions are of different participants, there is nothing in one, the extra
            `hands` is not installed, or the file cannot be written or is a recorded one.
    """
    check_replaces_no_recording(path)
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise StreamError(
            f"a report needs {error.name}: pip install 'blur2blur-live[hands]'"
        ) from None
    participant = one_participant(session.sidecar.participant for session in sessions)
    sessions = sorted(sessions, key=lambda session: session.sidecar.when)
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
        "chart": chart_address(trace_figure(session)),
        "pictures": [one.picture for one in measured],
        "estimated": any(one.estimated for one in measured),
        "notices": [line for line in (session.warning, *notices(measured)) if line],
        "quality": _rows([one.quality.measures() for one in measured]),
        "measures": _rows([list(one.measures) for one in measured]),
        "seconds": _length(session).value,
        "left_out": _left_out(sidecar),
    }


def _rows(columns: list[list[Measure]]) -> list[_Row]:
    return [_Row(measure=row[0], cells=list(row)) for row in zip(*columns, strict=True)]


def _comparisons(sessions: list[Session], measured: list[list[Measured]]) -> list[dict[str, Any]]:
    """For each task and hand with several sessions: length and measures over time, raw."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, session in enumerate(sessions):
        groups.setdefault((session.sidecar.task, session.sidecar.hand), []).append(i)
    found = []
    for (task, hand), members in groups.items():
        if len(members) > 1:
            columns = [list(measured[i][0].measures) for i in members]
            lengths = [_length(sessions[i]) for i in members]
            sidecars = [sessions[i].sidecar for i in members]
            figure = comparison_figure(
                charted(columns),
                [sidecar.when for sidecar in sidecars],
                [not sidecar.filming_known for sidecar in sidecars],
            )
            found.append(
                {
                    "task": task,
                    "hand": hand,
                    "dates": [_head(sidecar) for sidecar in sidecars],
                    "picture": measured[members[0]][0].picture,
                    "rows": [_Row(measure=lengths[0], cells=lengths), *_rows(columns)],
                    "chart": chart_address(figure) if figure is not None else "",
                }
            )
    return found


def _head(sidecar: Sidecar) -> str:
    return sidecar.dated if sidecar.filming_known else f"processed {sidecar.dated}"


def _length(session: Session) -> Measure:
    times = (t.time_s for t in session.trajectories.values() if len(t))
    lengths = [float(without_pauses(t, session.sidecar.not_recorded_s)[-1]) for t in times]
    definition = "without pauses and outages"
    return Measure(name="length", value=max(lengths), unit="s", definition=definition)


def _left_out(sidecar: Sidecar) -> str:
    """How many pauses and outages there are; empty where there is none."""
    counts = ((len(sidecar.pauses_s), "pause"), (len(sidecar.outages_s), "outage"))
    return " and ".join(f"{n} {what}{'s' if n > 1 else ''}" for n, what in counts if n)


def _figure(measure: Measure) -> str:
    if measure.value is None:
        return "–"
    value = (
        f"{measure.value:.0f}" if measure.value == round(measure.value) else f"{measure.value:.3g}"
    )
    return f"{value} {measure.unit}".strip()
