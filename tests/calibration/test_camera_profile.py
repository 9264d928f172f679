import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from calibration.acuity import Judgement, Verdict
from calibration.camera_profile import camera_profile_folder
from calibration.camera_report import write_camera_report
from calibration.recording import MANIFEST, CalibrationRecording
from calibration.recording_identity import origin
from engines.errors import ProfileError
from engines.folders import user_profiles
from engines.profile import CARD, load_profile
from tests.conftest import PLAIN_SHORT, blur2blur, discs


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_profiles()


def have(profile: Path, training: Mapping[str, str | None]) -> None:
    """One that came about so."""
    shutil.copytree(PLAIN_SHORT, profile)
    card = json.loads((profile / CARD).read_text())
    (profile / CARD).write_text(json.dumps({**card, "training": training}))


def record_two_frames(folder: Path) -> None:
    """Into a new recording, or one that is there."""
    recording = CalibrationRecording(folder)
    everything = np.ones((3, 3), bool)
    for kind, at_s in ((Verdict.SHARP, 0.0), (Verdict.BLURRY, 1.0)):
        recording.offer("a", at_s, discs(3, 96), Judgement(kind, 0.8, everything, 0.0))
    recording.finish()


def test_profile_is_replaced_by_one_of_the_same_recording_only(
    profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kitchen = tmp_path / "kitchen"
    assert camera_profile_folder("mine", kitchen) == profiles / "mine", "there is none"
    have(profiles / "mine", {"recording": "kitchen"})
    assert camera_profile_folder("mine", kitchen) == profiles / "mine"
    with pytest.raises(ProfileError, match=r"was not trained on .*garden; say another name"):
        camera_profile_folder("mine", tmp_path / "garden")
    kitchen.mkdir()
    monkeypatch.chdir(kitchen)
    assert camera_profile_folder("mine", Path()) == profiles / "mine"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProfileError, match="was not trained on"):
        camera_profile_folder("mine", Path())


def test_what_is_no_profile_is_refused_before_anything_is_learned(profiles: Path) -> None:
    (profiles / "mine").mkdir(parents=True)
    assert camera_profile_folder("mine", Path("kitchen")) == profiles / "mine"
    (profiles / "mine" / "notes.txt").write_text("my own")
    with pytest.raises(FileExistsError, match="which is not replaced"):
        camera_profile_folder("mine", Path("kitchen"))


@pytest.mark.parametrize("teacher", [None, "balanced"])
def test_card_of_an_older_version_that_does_not_tell_its_recording_is_believed(
    profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher: str | None
) -> None:
    """It was trained by `calibrate train .`"""
    have(profiles / "mine", {"recording": "", **({"teacher": teacher} if teacher else {})})
    monkeypatch.chdir(tmp_path)
    assert camera_profile_folder("mine", Path(), teacher) == profiles / "mine"
    with pytest.raises(ProfileError, match="there is a profile mine already"):
        camera_profile_folder("mine", Path(), "another")


def test_recording_is_known_again_whatever_its_folder_is_called(
    profiles: Path, tmp_path: Path
) -> None:
    here, there = tmp_path / "a" / "camera", tmp_path / "b" / "camera"
    for folder in (here, there):
        record_two_frames(folder)
    have(profiles / "mine", origin(here))
    record_two_frames(here)  # recorded again into it
    assert camera_profile_folder("mine", here) == profiles / "mine"
    with pytest.raises(ProfileError, match=r"was not trained on .*/b/camera; say another"):
        camera_profile_folder("mine", there)
    renamed = here.rename(tmp_path / "kitchen")
    assert camera_profile_folder("mine", renamed) == profiles / "mine"


def test_recording_of_an_older_version_is_known_by_its_name(profiles: Path, tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    record_two_frames(folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["identity"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    have(profiles / "mine", origin(folder))
    record_two_frames(folder)
    assert "identity" in json.loads((folder / MANIFEST).read_text())
    assert camera_profile_folder("mine", folder) == profiles / "mine"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("camera", "frames that the training saw"),
        ("", "the training saw these frames"),
        ("garden", "another recording than the profile was trained on"),
    ],
)
def test_page_tells_whether_the_training_saw_the_frames(
    profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, says: str
) -> None:
    folder = tmp_path / "camera"
    record_two_frames(folder)
    have(profiles / "mine", {"recording": told, "teacher": str(PLAIN_SHORT)})
    monkeypatch.chdir(folder)
    profile = load_profile("mine")
    write_camera_report(CalibrationRecording.made(Path()), profile, None, Path("page.html"))
    page = Path("page.html").read_text(encoding="utf-8")
    assert says in page
    assert "Of the recording camera:" in page


def test_student_takes_no_place_of_its_teachers_or_anothers(profiles: Path) -> None:
    have(profiles / "mine", {"recording": "kitchen"})
    have(profiles / "one", {"recording": "kitchen", "teacher": "mine"})
    assert camera_profile_folder("one", Path("kitchen"), "mine") == profiles / "one"
    for name, teacher in (("mine", "mine"), ("one", "other"), ("one", None)):
        with pytest.raises(ProfileError, match=f"there is a profile {name} already"):
            camera_profile_folder(name, Path("kitchen"), teacher)


def test_page_of_a_profile_that_is_named_by_its_folder_lies_beside_the_recording(
    tmp_path: Path,
) -> None:
    camera = tmp_path / "camera"
    CalibrationRecording(camera).finish()
    page = camera / "plain-short.html"
    page.mkdir()
    result = blur2blur("calibrate", "report", camera, "--profile", PLAIN_SHORT)
    assert result.returncode == 1
    said = f"{page} is a folder; name a file"
    assert "".join(said.split()) in "".join(result.stderr.split())
