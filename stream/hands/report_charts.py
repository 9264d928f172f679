"""The charts of a report: a session's movement, and measures over several sessions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engines.charts import new_figure
from stream.hands.joint_angles import mean_flexion_degrees
from stream.hands.landmarks import INDEX_TIP, WRIST
from stream.hands.measures.measure import Measure
from stream.hands.session import Session, Task
from stream.hands.session_table import Picture, Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: dict[Picture, str] = {"raw": "#777777", "deblurred": "#0b6e99"}
_TRACES: dict[Task, str] = {
    "finger-tapping": "opening of thumb and index finger, hand lengths",
    "open-close": "mean flexion of the fingers, degrees",
    "reach": "way of the wrist, palm lengths",
    "rest": "index finger's tip, palm lengths",
    "free": "mean flexion of the fingers, degrees",
}
_COMPARED = 6
_COLUMNS = 3
_TICKS = 6
_PROCESSED = "; * when a clip was processed, as it is not known when it was filmed"


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


def broken(
    time_s: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same samples with a NaN between two that are further apart than measures bridge.

    Args:
        time_s, values: (N,), growing.
    """
    from stream.hands.measures.signals import MAX_GAP_S

    after = np.flatnonzero(np.diff(time_s) > MAX_GAP_S) + 1
    return np.insert(time_s, after, np.nan), np.insert(values, after, np.nan)


def trace_figure(session: Session) -> "Figure":
    """Both pictures' traces over time, gaps left open; below, how blurred the frames were."""
    figure = new_figure(8.6, 3.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    task = session.sidecar.task
    for picture, trajectory in session.trajectories.items():
        if len(trajectory) and trajectory.detected.any():
            _line(
                upper,
                trajectory.time_s,
                trace(task, trajectory),
                color=_COLOURS[picture],
                label=f"{picture} (estimate)" if trajectory.estimated else picture,
            )
    raw = next(iter(session.trajectories.values()))
    for start, end in session.sidecar.not_recorded_s:
        upper.axvspan(start, end, color="#dddddd", lw=0)
    lost = ~raw.detected
    _line(lower, raw.time_s, raw.blur, color="#aa7722", label="blur")
    lower.plot(raw.time_s[lost], np.zeros(lost.sum()), "|", color="#cc0000", ms=7)
    upper.set_title(_TRACES[task], fontsize=9, loc="left")
    if upper.lines:
        upper.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    lower.set_ylabel("blur", fontsize=8)
    lower.set_xlabel("seconds; red marks: raw picture without the hand", fontsize=8)
    return figure


def charted(columns: Sequence[Sequence[Measure]]) -> list[tuple[Measure, ...]]:
    """Of each of the first measures that are valid in all sessions its figures, session by session.

    Plain counts (whole figures without a unit) are left out: they grow with the session's length.
    """
    rows = [row for row in zip(*columns, strict=True) if all(m.valid for m in row)]
    return [row for row in rows if not all(_counts(measure) for measure in row)][:_COMPARED]


def comparison_figure(
    rows: Sequence[Sequence[Measure]],
    dates: Sequence[datetime],
    processed: Sequence[bool] | None = None,
) -> "Figure | None":
    """A chart a measure, over the sessions; None where there is nothing to draw.

    Args:
        rows: a measure's figures, session by session.
        dates: of the sessions.
        processed: whether a session's date is that of its processing; of none if not given.
    """
    if not rows:
        return None
    lines = -(-len(rows) // _COLUMNS)
    figure = new_figure(8.6, 2.3 * lines)
    axes = np.atleast_1d(figure.subplots(lines, _COLUMNS)).ravel()
    places = np.arange(len(dates))
    ticks = places[:: -(-len(dates) // _TICKS)]
    processed = processed or [False] * len(dates)
    labels = [
        f"{day} *" if late else day for day, late in zip(_days(dates), processed, strict=True)
    ]
    figure.supxlabel(f"UTC{_PROCESSED if any(processed) else ''}", fontsize=8)
    for axis, row in zip(axes, rows, strict=False):
        axis.plot(places, [m.value for m in row], "o-", color="#0b6e99", ms=4, lw=1)
        axis.set_title(f"{row[0].name} {row[0].unit}".strip(), fontsize=8)
        axis.set_xticks(ticks, [labels[i] for i in ticks], rotation=30, ha="right")
        axis.margins(x=0.1)
        values = [m.value or 0.0 for m in row]
        axis.set_ylim(min(0.0, 1.1 * min(values)), max(1e-9, 1.1 * max(values)))
    for axis in axes[len(rows) :]:
        axis.set_visible(False)
    return figure


def _line(
    axis: "Axes",
    time_s: NDArray[np.float64],
    values: NDArray[np.float64],
    *,
    color: str,
    label: str,
) -> None:
    """A broken line, with a dot where a sample has no neighbour to be joined to."""
    time_s, values = broken(time_s, values)
    axis.plot(time_s, values, color=color, lw=1.0, label=label)
    known = np.isfinite(values)
    beside = np.concatenate([[False], known, [False]])
    alone = known & ~beside[:-2] & ~beside[2:]
    if alone.any():
        axis.plot(time_s[alone], values[alone], ".", color=color, ms=3)


def _counts(measure: Measure) -> bool:
    return not measure.unit and measure.value is not None and measure.value.is_integer()


def _days(dates: Sequence[datetime]) -> list[str]:
    """Days (UTC), with the time where two sessions are of one."""
    days = [f"{date.astimezone(UTC):%Y-%m-%d}" for date in dates]
    if len(set(days)) == len(days):
        return days
    return [f"{date.astimezone(UTC):%Y-%m-%d %H:%M}" for date in dates]
