import json
import shutil
from pathlib import Path

import pytest

from calibration.camera_profile import camera_profile_folder
from engines.errors import ProfileError
from engines.folders import user_profiles
from engines.profile import CARD
from tests.conftest import PLAIN_SHORT, blur2blur


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_profiles()


def have(profile: Path, training: dict[str, str]) -> None:
    """One that came about so."""
    shutil.copytree(PLAIN_SHORT, profile)
    card = json.loads((profile / CARD).read_text())
    (profile / CARD).write_text(json.dumps({**card, "training": training}))


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
    result = blur2blur("calibrate", "report", tmp_path / "camera", "--profile", PLAIN_SHORT)
    assert result.returncode == 1
    page = tmp_path / "camera" / "plain-short.html"
    said = f"{page}: the folder {page.parent} does not exist"
    assert "".join(said.split()) in "".join(result.stderr.split())
