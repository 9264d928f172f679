"""How blurred the frames of a session were, as its table tells."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from stream.blur import blur_measure
from stream.hands.session import read_session
from stream.session import SessionJob, record_session
from tests.conftest import PLAIN_SHORT, read_clip


def test_the_blur_is_that_of_whole_frames_also_where_a_hand_alone_is_deblurred(
    hand_model: Path, short_hand_clip: Path, tmp_path: Path
) -> None:
    """It was of the surroundings of a hand that was followed, and of the frame otherwise."""
    job = SessionJob(
        source=str(short_hand_clip), task="rest", participant="P07", hand="right", to=tmp_path,
        consent="a test", profile=str(PLAIN_SHORT), hand_model=hand_model,
    )  # fmt: skip
    assert job.hand_region and job.deblur == "auto"
    record_session(job, Console(file=StringIO()))
    (folder,) = tmp_path.iterdir()
    frames = [blur_measure(pixels) for _, pixels in read_clip(short_hand_clip)]
    for trajectory in read_session(folder).trajectories.values():
        assert trajectory.detected.mean() > 0.9
        assert trajectory.blur == pytest.approx(frames, abs=1e-4)
