"""Reports: of whom, where, and what they show."""

import json
import re
import secrets
import shutil
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")
pytest.importorskip("jinja2", reason="needs the extra hands")

from stream.errors import StreamError
from stream.hands.measures import measure_session
from stream.hands.report import write_report
from stream.hands.report_charts import broken, charted, comparison_figure, trace_figure
from stream.hands.session import read_session, read_sidecar, with_digests, write_sidecar
from stream.hands.session_choice import choose_sessions, report_path
from tests.conftest import blur2blur
from tests.stream.hands.synthetic_hand import tapping, write_session


def session_of(folder: Path, **facts: object) -> Path:
    """Two seconds of tapping, recorded with other facts than usual."""
    identity = secrets.token_hex(4)
    write_session(folder, tapping(2.0, 1.0), task="finger-tapping", seconds=2, identity=identity)
    write_sidecar(folder, replace(read_sidecar(folder), **facts))  # type: ignore[arg-type]
    return folder


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """A folder of two sessions of P07, and one of P08."""
    for name, participant in (("a", "P07"), ("b", "P07"), ("c", "P08")):
        session_of(tmp_path / "sessions" / name, participant=participant)
    return tmp_path / "sessions"


def test_a_participant_is_chosen_from_a_folder_of_several(sessions: Path) -> None:
    result = blur2blur("session", "report", sessions)
    assert result.returncode == 1
    assert "(P07, P08)" in result.stderr
    assert "--participant P07" in result.stderr
    own = sessions / "a" / "report.html"
    own.write_text("of one session")
    result = blur2blur("session", "report", sessions, "--participant", "P07")
    assert result.returncode == 0, result.stderr
    page = (sessions / "report_P07.html").read_text()
    assert page.count("How it was recorded") == 2
    assert "Over time" in page
    assert own.read_text() == "of one session"
    assert choose_sessions([sessions], "P08") == [sessions / "c"]
    with pytest.raises(StreamError, match=r"no session of P09 in .*sessions; .* of P07, P08"):
        choose_sessions([sessions], "P09")


def test_a_session_that_is_named_twice_is_taken_once(sessions: Path) -> None:
    (sessions.parent / "linked").symlink_to(sessions / "a")
    places = [sessions / "a", sessions / "b" / ".." / "a", sessions.parent / "linked", sessions]
    assert len(choose_sessions(places, "P07")) == 2
    assert len(choose_sessions(places[:3])) == 1


def test_a_copy_of_a_session_is_not_another_one(sessions: Path) -> None:
    copy = sessions / "a - Copy"
    shutil.copytree(sessions / "a", copy)
    result = blur2blur("session", "report", sessions, "--participant", "P07")
    assert result.returncode == 0, result.stderr
    said = " ".join(result.stderr.split())
    assert f"{copy} is left out: it is a copy of {sessions / 'a'}, by its id" in said
    page = (sessions / "report_P07.html").read_text()
    assert page.count("How it was recorded") == 2


def test_of_copies_the_one_with_nothing_wrong_is_taken(sessions: Path) -> None:
    damaged, other = sessions / "a", sessions / "b"
    for folder in (damaged, other):
        write_sidecar(folder, with_digests(folder, read_sidecar(folder)))
        shutil.copytree(folder, sessions / f"{folder.name} - Copy")
    table = damaged / "landmarks.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *rows[:20], "1,2,3", *rows[21:], ""]))
    table = other / "landmarks.csv"
    table.write_text(table.read_text().replace("0.970", "0.980", 1))
    result = blur2blur("session", "report", sessions, "--participant", "P07")
    assert result.returncode == 0, result.stderr
    said = " ".join(result.stderr.split())
    for folder, reason in ((damaged, "is damaged"), (other, "is not as it was recorded")):
        copy = sessions / f"{folder.name} - Copy"
        assert f"{folder} is left out: it is a copy of {copy}, by its id; " in said
        assert reason in said
    page = (sessions / "report_P07.html").read_text()
    assert page.count("How it was recorded") == 2
    assert "not as it was recorded" not in page


def test_a_damaged_sidecar_of_another_does_not_block_a_report(sessions: Path) -> None:
    (sessions / "c" / "session.json").write_text('{"format": 1, "id"')
    result = blur2blur("session", "report", sessions, "--participant", "P07")
    assert result.returncode == 0, result.stderr
    assert f"{sessions / 'c'} is left out: " in " ".join(result.stderr.split())
    assert (sessions / "report_P07.html").read_text().count("How it was recorded") == 2
    with pytest.raises(StreamError, match="not a session's sidecar"):
        choose_sessions([sessions])
    with pytest.raises(StreamError, match=r"no session of P07 in .*nobody that can be read"):
        choose_sessions([sessions / "c"], "P07")


def test_where_a_report_goes(sessions: Path, tmp_path: Path) -> None:
    a, b = sessions / "a", sessions / "b"
    assert report_path([a], [a], "P07") == a / "report.html"
    assert report_path([a, a], [a], "P07") == a / "report.html"
    assert report_path([a, b], [a, b], "P07") == sessions / "report_P07.html"
    assert report_path([sessions], [sessions / "c"], "P08") == sessions / "report_P08.html"
    elsewhere = [a, tmp_path / "d" / "e"]
    assert report_path(elsewhere, elsewhere, "P07") == tmp_path / "report_P07.html"
    assert report_path([sessions], [a, b], "../P07") == sessions / "report_P07.html"


def test_a_session_without_a_hand_is_reported_in_silence(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "a", tapping(2.0, 1.0), seconds=2, missing=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        write_report([read_session(folder)], folder / "report.html")


@pytest.mark.parametrize("cut", [True, False])
def test_a_table_that_was_changed_is_told(tmp_path: Path, cut: bool) -> None:
    folder = session_of(tmp_path / "a")
    write_sidecar(folder, with_digests(folder, read_sidecar(folder)))
    assert not read_session(folder).warning
    table = folder / "landmarks.csv"
    whole = table.read_text()
    lines = whole.splitlines(keepends=True)
    table.write_text("".join(lines[:-4]) if cut else whole.replace("0.970", "0.980", 1))
    for command in (("measure",), ("report",), ("export", "--bids", tmp_path / "bids")):
        result = blur2blur("session", command[0], folder, *command[1:])
        assert result.returncode == 0, result.stderr
        assert f"{folder}: landmarks.csv is not as it was recorded" in result.stderr
    assert "landmarks.csv is not as it was recorded" in (folder / "report.html").read_text()
    write_sidecar(folder, replace(read_sidecar(folder), state="recording"))
    assert not read_session(folder).warning


def test_figures_that_cannot_be_written_are_shown(tmp_path: Path) -> None:
    folder = session_of(tmp_path / "a")
    (folder / "measures.json").mkdir()
    result = blur2blur("session", "measure", folder)
    assert result.returncode == 1
    assert "jumps" in result.stdout
    assert "measures.json cannot be written: " in result.stderr
    assert "--to" in result.stderr
    elsewhere = tmp_path / "figures.json"
    assert blur2blur("session", "measure", folder, "--to", elsewhere).returncode == 0
    assert json.loads(elsewhere.read_text())["task"] == "finger-tapping"


def test_sessions_are_compared_in_the_order_that_they_were_filmed_in(tmp_path: Path) -> None:
    begun = "2026-05-01T12:00:00.000+00:00"
    facts: list[dict[str, str]] = [
        {"begun": begun, "source": "clip", "recorded": "2026-01-03T10:00:00.000+00:00"},
        {"begun": "2026-01-02T10:00:00.000+00:00", "source": "camera"},
        {"begun": begun, "source": "clip"},
    ]
    folders = [session_of(tmp_path / str(i), **facts[i]) for i in range(3)]
    write_report([read_session(folder) for folder in folders], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    heads = re.findall(r'<th class="figure">([^<]*UTC)</th>', page)
    assert heads == [
        "2026-01-02 10:00 UTC", "2026-01-03 10:00 UTC", "processed 2026-05-01 12:00 UTC",
    ]  # fmt: skip
    titles = re.findall(r"right hand, (\w+ 2026-[^<]*)</h2>", page)
    assert titles == [
        "recorded 2026-01-02 10:00 UTC",
        "recorded 2026-01-03 10:00 UTC",
        "processed 2026-05-01 12:00 UTC",
    ]
    assert re.search(r"<td>length</td>\s*<td class=\"figure\">1.97 s</td>", page)


def test_counts_are_not_charted_and_dates_are(tmp_path: Path) -> None:
    columns = []
    for seconds in (8, 16):
        folder = tmp_path / str(seconds)
        write_session(folder, tapping(2.0, 1.0), task="finger-tapping", seconds=seconds)
        columns.append(list(measure_session(read_session(folder))[0].measures))
    names = [row[0].name for row in charted(columns)]
    assert "rate" in names
    assert not {"taps", "interruptions"} & set(names)
    dates = [datetime(2026, month, 2, 23, 30, tzinfo=UTC) for month in (1, 3)]
    figure = comparison_figure(charted(columns), dates)
    assert figure is not None
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == ["2026-01-02", "2026-03-02"]
    assert comparison_figure([], dates) is None


def test_charts_tell_the_year_the_zone_and_what_is_not_known(tmp_path: Path) -> None:
    folder = write_session(tmp_path, tapping(2.0, 1.0), task="finger-tapping", seconds=8)
    measures = measure_session(read_session(folder))[0].measures
    rows = charted([list(measures)] * 3)
    dates = [
        datetime(2025, 12, 1, 9, 0, tzinfo=UTC),
        datetime(2026, 12, 1, 2, 0, tzinfo=timezone(timedelta(hours=-7))),
        datetime(2026, 12, 1, 9, 40, tzinfo=UTC),
    ]
    for processed, mark in ((None, ""), ([False, False, True], " *")):
        figure = comparison_figure(rows, dates, processed)
        assert figure is not None
        figure.draw_without_rendering()
        axis = figure.axes[0]
        ticks = [label.get_text() for label in axis.get_xticklabels()]
        assert ticks == ["2025-12-01 09:00", "2026-12-01 09:00", f"2026-12-01 09:40{mark}"]
        below = figure.get_supxlabel()
        assert below.startswith("UTC")
        assert ("not known when it was filmed" in below) == bool(mark)


def test_traces_break_at_pauses(tmp_path: Path) -> None:
    time_s = np.array([0.0, 0.1, 0.2, 3.2, 3.3])
    times, values = broken(time_s, np.arange(5.0))
    assert times.tolist() == pytest.approx([0, 0.1, 0.2, np.nan, 3.2, 3.3], nan_ok=True)
    assert values.tolist() == pytest.approx([0, 1, 2, np.nan, 3, 4], nan_ok=True)
    table = write_session(tmp_path, tapping(0.7, 0.6), task="finger-tapping") / "landmarks.csv"
    head, *rows = table.read_text().splitlines()
    rows = [row for row in rows if not 5 <= float(row.split(",")[1]) < 8]
    table.write_text("\n".join([head, *rows, ""]))
    figure = trace_figure(read_session(tmp_path))
    for line in (*figure.axes[0].lines[:2], figure.axes[1].lines[0]):
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        joined = np.diff(x)[np.isfinite(np.diff(y))]
        assert joined.max() < 0.1


def test_the_legend_is_beside_the_trace(tmp_path: Path) -> None:
    write_session(tmp_path, tapping(0.7, 0.6), task="finger-tapping", seconds=4)
    figure = trace_figure(read_session(tmp_path))
    figure.draw_without_rendering()
    upper = figure.axes[0]
    legend = upper.get_legend()
    assert legend is not None
    assert not legend.get_window_extent().overlaps(upper.get_window_extent())
    assert not legend.get_window_extent().overlaps(upper.title.get_window_extent())


def test_what_no_engine_worked_on_is_no_estimate(tmp_path: Path) -> None:
    """As of earlier versions with `--deblur off`: both pictures, and all frames bypassed."""
    folder = session_of(tmp_path)
    table = folder / "landmarks.csv"
    deblurred = [one.estimated for one in measure_session(read_session(folder))]
    assert deblurred == [False, True]
    table.write_text(re.sub(r"(,0\.1000),0,", r"\1,1,", table.read_text()))
    session = read_session(folder)
    assert [one.estimated for one in measure_session(session)] == [False, False]
    write_report([session], tmp_path / "report.html")
    assert "rests on estimated frames" not in (tmp_path / "report.html").read_text()
    labels = [line.get_label() for line in trace_figure(session).axes[0].lines]
    assert labels == ["raw", "deblurred"]
