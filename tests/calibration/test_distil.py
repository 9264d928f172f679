"""One network that does what a camera's translator and its deblurrer do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.acuity import Judgement, Verdict
from calibration.distil import Distillation, DistillationTrainer
from calibration.recording import CalibrationRecording
from engines.networks import read_specification
from engines.profile import load_profile
from tests.conftest import discs
from tests.engines.conftest import SPEC, export_both


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(export_both(tmp_path_factory.mktemp("profiles") / "mycam", SPEC, SPEC))


def test_student_may_learn_from_another_recording_of_the_camera(
    teacher: str, tmp_path: Path
) -> None:
    """It was refused, as that has no clip that the teacher's had held out."""
    recording = CalibrationRecording(tmp_path / "tuesday")
    everything = np.ones((6, 6), np.bool_)
    for number, clip in enumerate(("morning", "evening")):
        for at_s, kind in enumerate((Verdict.SHARP, Verdict.BLURRY)):
            pixels = discs(2 * number + at_s, 192)
            recording.offer(clip, float(at_s), pixels, Judgement(kind, 0.8, everything, 0.0))
    recording.finish()
    settings = Distillation(
        recording=recording.folder,
        out=tmp_path / "run",
        teacher=teacher,
        network=read_specification(load_profile(teacher).card["deblurrer"]),
        held_out=("monday",),
        validation_crops=2,
    )
    trainer = DistillationTrainer(settings)
    assert trainer.held_out == {"evening"}
    assert trainer.card(trainer.validate())["held_out"] == ["evening"]
    as_the_teacher = replace(settings, out=tmp_path / "other", held_out=("monday", "morning"))
    assert DistillationTrainer(as_the_teacher).held_out == {"morning"}
