"""What is said of how good the data are."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("scipy", reason="needs the extra hands")
pytest.importorskip("monalysa", reason="needs the extra hands")

from stream.hands.landmarks import Hand
from stream.hands.measures import measure_session, measures_table, write_measures
from stream.hands.report import write_report
from stream.hands.session import read_session
from tests.stream.hands.synthetic_hand import tapping, write_session


@pytest.mark.parametrize("as_other", [0.4, 0.75])
def test_a_hand_that_was_taken_for_the_other_one_is_told(tmp_path: Path, as_other: float) -> None:
    def movement(time_s: float) -> Hand:
        other = round(30 * time_s) % 20 < 20 * as_other
        return replace(tapping(2.0, 1.0)(time_s), side_score=0.03 if other else 0.97)

    folder = write_session(tmp_path, movement, task="finger-tapping", seconds=4, missing=0.1)
    session = read_session(folder)
    found = measure_session(session)
    for one in found:
        assert one.quality.as_other_hand == pytest.approx(as_other, abs=0.05)
    written = json.loads(write_measures(session, found).read_text())
    assert written["pictures"][0]["quality"]["as_other_hand"] == found[0].quality.as_other_hand
    console = Console(width=200)
    with console.capture() as shown:
        console.print(measures_table(found))
    pytest.importorskip("jinja2", reason="needs the extra hands")
    write_report([session], folder / "report.html")
    for text in (shown.get(), (folder / "report.html").read_text()):
        assert "taken for the other hand" in text
        assert ("the tracker took the hand for the other one in 7" in text) == (as_other > 0.5)
