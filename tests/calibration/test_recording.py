import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.acuity import TILE_PX, Judgement, Verdict
from calibration.errors import CalibrationError
from calibration.frame_sorter import FrameSorter
from calibration.kept_frame import KeptFrame, spread
from calibration.recording import CalibrationRecording, RecordingRule
from tests.calibration.virtual_camera import FPS, HEIGHT, WIDTH, Shot
from tests.conftest import discs

RULE = RecordingRule(blurry=12, sharp=8)


def record(folder: Path, seen: list[Shot], rule: RecordingRule = RULE) -> CalibrationRecording:
    recording = CalibrationRecording(folder, rule)
    sorter = FrameSorter(rule)
    for number, shot in enumerate(seen):
        for at_s, pixels, judgement in sorter.add(number / FPS, shot.pixels):
            recording.offer("monday", at_s, pixels, judgement)
    for at_s, pixels, judgement in sorter.rest():
        recording.offer("monday", at_s, pixels, judgement)
    recording.finish()
    return recording


def test_kept_frames_are_rightly_sorted_lossless_and_apart(
    seen: list[Shot], tmp_path: Path
) -> None:
    recording = record(tmp_path / "camera", seen)
    assert recording.complete
    right = []
    for frame in recording.frames:
        shot = seen[round(frame.at_s * FPS)]
        assert np.array_equal(recording.read(frame), shot.pixels), "without loss"
        right.append((frame.kind == Verdict.BLURRY) == (shot.extent_px > 3))
        left, top, width, height = frame.region
        assert 0 <= left < left + width <= WIDTH
        assert 0 <= top < top + height <= HEIGHT
        for other in recording.frames:
            if other is not frame:
                apart = RULE.spacing_s if other.kind == frame.kind else RULE.apart_s
                assert abs(other.at_s - frame.at_s) >= apart - 1e-6
    assert np.mean(right) >= 0.9
    assert cv2.imread(str(tmp_path / "camera" / "sheet.jpg")) is not None
    manifest = json.loads((tmp_path / "camera" / "manifest.json").read_text())
    assert manifest["noise"] == pytest.approx(1.5, rel=0.4)


def test_recording_goes_on_and_does_not_repeat(seen: list[Shot], tmp_path: Path) -> None:
    first = record(tmp_path / "camera", seen, replace(RULE, blurry=4, sharp=3))
    again = record(tmp_path / "camera", seen, RULE)
    assert len(first.frames) == 7
    assert again.complete
    times = [frame.at_s for frame in again.frames]
    assert len(set(times)) == len(times)
    files = {str(f.relative_to(tmp_path / "camera")) for f in (tmp_path / "camera").rglob("*.png")}
    assert files == {frame.file for frame in again.frames}


def test_damaged_frame_is_named(seen: list[Shot], tmp_path: Path) -> None:
    recording = record(tmp_path / "camera", seen)
    (tmp_path / "camera" / recording.frames[0].file).write_bytes(b"x")
    with pytest.raises(CalibrationError, match=r"000.*damaged"):
        CalibrationRecording(tmp_path / "camera", RULE)


def test_other_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"name": "something else"}')
    with pytest.raises(CalibrationError, match="no recording"):
        CalibrationRecording(tmp_path)


@pytest.mark.parametrize("own", ["sharp/000000.png", "blurry/holiday.jpg", "sheet.jpg"])
def test_files_of_ones_own_are_not_overwritten(tmp_path: Path, own: str) -> None:
    (tmp_path / own).parent.mkdir(exist_ok=True)
    (tmp_path / own).write_bytes(b"my own")
    with pytest.raises(CalibrationError, match=f"{Path(own).name} is there already.*another"):
        flat_recording(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / own]
    assert (tmp_path / own).read_bytes() == b"my own"


def flat_recording(folder: Path) -> CalibrationRecording:
    """Of one frame."""
    recording = CalibrationRecording(folder)
    everything = np.ones((2, 3), bool)
    recording.offer("a", 0.0, discs(3, 96)[:64], Judgement(Verdict.SHARP, 1.0, everything, 0.0))
    recording.finish()
    return recording


def test_sheet_shows_frames_of_several_shapes(tmp_path: Path) -> None:
    """A phone that was turned, a camera that was set to another size."""
    recording = CalibrationRecording(tmp_path)
    for number, (height, width) in enumerate([(64, 96), (96, 64), (48, 96), (64, 96)]):
        everything = np.ones((height // TILE_PX, width // TILE_PX), bool)
        kind = Verdict.SHARP if number % 2 else Verdict.BLURRY
        pixels = discs(number, 96)[:height, :width]
        recording.offer("a", float(number), pixels, Judgement(kind, 1.0, everything, 0.0))
    recording.finish()
    assert len(recording.frames) == 4
    sheet = cv2.imread(str(tmp_path / "sheet.jpg"))
    assert sheet is not None
    assert sheet.shape == (2 * 240, 2 * 240, 3)
    assert sheet[-1, 0].min() > 250, "white above and below, to the left and to the right"


def test_recording_that_was_made_on_windows_is_read(tmp_path: Path) -> None:
    made = flat_recording(tmp_path)
    assert made.frames[0].file == "sharp/000000.png"
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["frames"][0]["file"] = "sharp\\000000.png"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert CalibrationRecording.made(tmp_path).frames == made.frames


@pytest.mark.parametrize(
    "entry", [{"file": "sharp/x.png"}, {"file": 3}, {"region": None}, {"q": 1}]
)
def test_manifest_that_is_none_is_named(tmp_path: Path, entry: dict[str, object]) -> None:
    flat_recording(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["frames"][0].update(entry)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CalibrationError, match=r"no recording's manifest.*record again"):
        CalibrationRecording.made(tmp_path)


def test_full_disk_is_refused_and_loses_nothing(
    seen: list[Shot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = record(tmp_path / "camera", seen, replace(RULE, blurry=4, sharp=3))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    with pytest.raises(CalibrationError, match="Make room"):
        record(tmp_path / "camera", seen)
    assert CalibrationRecording(tmp_path / "camera").frames == before.frames


@pytest.mark.parametrize("frames", [1, 23, 24, 25, 47, 300])
def test_frames_that_are_shown_are_of_all_clips(frames: int) -> None:
    given = [
        KeptFrame(
            file=f"{n}", sha256="", kind="sharp", clip="", at_s=n, acuity=1.0,
            region=(0, 0, 1, 1), noise=0.0, brightness=0.0,
        )
        for n in range(frames)
    ]  # fmt: skip
    shown = spread(given, 24)
    assert len({frame.at_s for frame in shown}) == min(frames, 24)
    assert shown[0] is given[0]
    assert frames < 24 or shown[-1] is given[-1]
