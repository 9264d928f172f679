"""Sessions whose source was gone for a while: what is measured, shown and exported of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from stream.hands.measures import measure_session
from stream.hands.session import SIDECAR, read_session, read_sidecar, write_sidecar
from stream.hands.session_files import write_bids
from stream.hands.session_recorder import SessionRecorder
from tests.stream.hands.synthetic_hand import tapping, tracked, write_session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Taps for fifteen seconds; after five of them the camera is gone for twenty."""
    folder = write_session(tmp_path / "P01", tapping(2.0, 1.0), task="finger-tapping", seconds=1)
    (folder / "landmarks.csv").unlink()
    recorder = SessionRecorder(folder, "finger-tapping", seconds=15.0, countdown_s=0.0)
    number = 0
    while not recorder.over:
        time_s = number / 30 + 20 * (number >= 150)
        recorder.take(tracked(tapping(2.0, 1.0)(time_s), time_s, number))
        number += 1
    recorder.close()
    write_sidecar(folder, replace(read_sidecar(folder), outages_s=recorder.outages_s))
    return folder


def test_an_outage_lowers_neither_the_rate_nor_what_is_valid(folder: Path) -> None:
    for one in measure_session(read_session(folder)):
        assert one.quality.recorded_s == pytest.approx(15, abs=0.1)
        assert one.quality.fps == pytest.approx(30, abs=0.1)
        assert one.quality.longest_gap_s == pytest.approx(1 / 30, abs=1e-3)
        assert one.quality.jumps == 0
        found = {measure.name: measure for measure in one.measures}
        for name in ("taps", "rate", "amplitude, median", "interruptions"):
            assert found[name].valid, found[name].problem
        assert found["taps"].value == 30
        assert found["interruptions"].value == 0


def test_the_report_tells_how_long_was_recorded(folder: Path) -> None:
    pytest.importorskip("jinja2", reason="needs the extra hands")
    from stream.hands.report import write_report

    write_report([read_session(folder)], folder / "report.html")
    assert "15.0 s without 1 outage, grey in the chart" in (folder / "report.html").read_text()
    write_sidecar(folder, replace(read_sidecar(folder), pauses_s=[[2.0, 3.0], [4.0, 4.5]]))
    write_report([read_session(folder)], folder / "report.html")
    assert "13.5 s without 2 pauses and 1 outage" in (folder / "report.html").read_text()


def test_rate_and_duration_of_a_bids_file_are_without_outages(folder: Path, tmp_path: Path) -> None:
    written = write_bids(read_session(folder), tmp_path / "bids")
    (described,) = (p for p in written if p.name.endswith("raw_motion.json"))
    found = json.loads(described.read_text())
    assert found["SamplingFrequencyEffective"] == pytest.approx(30, abs=0.1)
    (table,) = (p for p in written if p.name.endswith("raw_motion.tsv"))
    frames = len(table.read_text().splitlines())
    spanned = found["RecordingDuration"] * found["SamplingFrequencyEffective"]
    assert spanned == pytest.approx(frames - 1, abs=0.01)
    assert found["RecordingDuration"] == pytest.approx(15, abs=0.1)


def test_a_session_whose_outages_were_not_written_down_is_read(folder: Path) -> None:
    path = folder / SIDECAR
    content = json.loads(path.read_text())
    del content["outages_s"]
    path.write_text(json.dumps(content))
    raw, _ = measure_session(read_session(folder))
    assert raw.quality.recorded_s == pytest.approx(35, abs=0.1)
