import shutil
from pathlib import Path

from calibration.clip_identity import clip_identity, name_clip


def test_clips_keep_their_names(tmp_path: Path) -> None:
    clips: dict[str, str] = {}
    monday, tuesday = tmp_path / "monday.mp4", tmp_path / "tuesday.mp4"
    monday.write_bytes(b"one")
    tuesday.write_bytes(b"two")
    assert name_clip(clips, "cam", clip_identity(str(monday))) == "cam"
    assert name_clip(clips, "cam", clip_identity(str(tuesday))) == "cam-2"
    moved = shutil.move(monday, tmp_path / "x.mp4")
    assert name_clip(clips, "x", clip_identity(str(moved))) == "cam"
    addresses = [clip_identity(f"http://127.0.0.1/{n}.mp4") for n in (1, 1, 2)]
    assert [name_clip(clips, "cam", address) for address in addresses] == ["cam-3"] * 2 + ["cam-4"]
