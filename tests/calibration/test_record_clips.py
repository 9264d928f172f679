"""`calibrate record`: from clips and from a camera into a recording."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from io import StringIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from calibration.acuity import TILE_PX, Judgement, Verdict
from calibration.camera_crops import last_whole_clip
from calibration.errors import CalibrationError
from calibration.known_domains import least_frame_px
from calibration.recording import CalibrationRecording, RecordingRule
from engines.profile import load_profile
from stream.calibrate import RecordJob, instruction, run_record, size_problem
from stream.clips import clip_names, record_clips
from stream.errors import SourceError
from tests.calibration.test_folder_lock import held_by_another
from tests.calibration.test_recording import RULE, flat_recording
from tests.calibration.virtual_camera import FPS, HEIGHT, WIDTH, Shot
from tests.conftest import ROOT, blur2blur, discs


@pytest.fixture(scope="module")
def clip(seen: list[Shot], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "monday.mkv"
    write_clip(path, [shot.pixels for shot in seen])
    return path


def write_clip(path: Path, pictures: list[NDArray[np.uint8]]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "bgr0"
        stream.time_base = Fraction(1, FPS)
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_command_records_clips_and_teaches(clip: Path, tmp_path: Path) -> None:
    wanted = ("--blurry", "12", "--sharp", "8")
    result = blur2blur("calibrate", "record", "--from", clip, "--to", tmp_path / "camera", *wanted)
    assert result.returncode == 0, result.stderr
    assert "8 sharp and 12 blurry" in " ".join(result.stderr.split())
    neither = blur2blur("calibrate", "record", "--to", tmp_path / "x")
    assert neither.returncode == 2
    assert "--from" in neither.stderr


def test_a_clip_that_is_not_there_is_said_before_any_is_sorted(clip: Path, tmp_path: Path) -> None:
    job = RecordJob(to=tmp_path / "camera", clips=(str(clip), "typo.mp4"))
    with pytest.raises(SourceError, match=r"typo\.mp4 does not exist"):
        run_record(job, Console(quiet=True))
    assert not (tmp_path / "camera").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_second_recording_into_the_folder_is_refused_meanwhile(clip: Path, tmp_path: Path) -> None:
    with (
        held_by_another(tmp_path),
        pytest.raises(CalibrationError, match="another process records into"),
    ):
        run_record(RecordJob(to=tmp_path, clips=(str(clip),)), Console(quiet=True))
    assert not CalibrationRecording(tmp_path).frames


def test_killed_recording_keeps_what_it_had_and_goes_on(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "camera"
    command = [sys.executable, "-m", "stream.cli", "calibrate", "record", "--from", str(clip)]
    command += ["--to", str(folder), "--blurry", "12", "--sharp", "8"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (folder / "manifest.json").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = CalibrationRecording(folder).frames
    assert kept, "what the manifest names is there and whole"
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    after = CalibrationRecording(folder)
    assert after.count(Verdict.BLURRY) == 12


def test_clips_are_told_apart() -> None:
    assert clip_names(["a/monday.mp4", "b/tuesday.mkv", "a/monday.mp4"]) == [
        "monday", "tuesday", "monday",
    ]  # fmt: skip
    assert clip_names(["monday/cam.mp4", "tuesday/cam.mp4"]) == ["monday-cam", "tuesday-cam"]
    both = clip_names(["x/monday/cam.mp4", "y/monday/cam.mp4"])
    assert len(set(both)) == 2


def test_clips_of_one_name_are_not_mixed_whatever_they_are_given_with(
    clip: Path, tmp_path: Path
) -> None:
    days = [tmp_path / day / "cam.mkv" for day in ("monday", "tuesday")]
    for number, path in enumerate(days):
        path.parent.mkdir()
        path.write_bytes(clip.read_bytes() + bytes(number))  # another, that shows the same
    for number, paths in enumerate((days[:1], days), start=1):
        rule = replace(RULE, blurry=2 * number, sharp=2 * number)
        job = RecordJob(to=tmp_path / "camera", clips=tuple(map(str, paths)), rule=rule)
        run_record(job, Console(quiet=True))
    recording = CalibrationRecording(tmp_path / "camera")
    assert list(recording.clips) == ["cam", "tuesday-cam"]
    assert {frame.clip for frame in recording.frames} <= {"cam", "tuesday-cam"}
    assert len(recording.frames) == 8


def of_several(clips: list[Path], recording: CalibrationRecording) -> tuple[Counter[str], str]:
    """Record them; how many pictures of each were gone through, and what was said."""
    gone_through, said = Counter[str](), list[str]()
    record_clips(
        [str(clip) for clip in clips],
        None,
        recording,
        update=lambda clip: gone_through.update([clip]),
        say=said.append,
        stopped=lambda: False,
    )
    return gone_through, "\n".join(said)


def test_each_of_several_clips_gives_its_share_and_one_can_be_held_out(
    clip: Path, tmp_path: Path
) -> None:
    """The first one filled the recording, and the others were decoded for nothing."""
    other = tmp_path / "tuesday.mkv"
    other.write_bytes(clip.read_bytes() + bytes(1))  # another, that shows the same
    recording = CalibrationRecording(tmp_path / "camera", replace(RULE, blurry=4, sharp=4))
    gone_through, said = of_several([clip, other], recording)
    assert Counter((frame.clip, frame.kind) for frame in recording.frames) == {
        (name, kind): 2 for name in ("monday", "tuesday") for kind in ("blurry", "sharp")
    }
    assert last_whole_clip(recording) == {"tuesday"}
    assert not said
    assert max(gone_through.values()) < 240, "no clip is gone through once its share is kept"


def test_what_one_clip_does_not_give_the_others_do(clip: Path, tmp_path: Path) -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    empty, late = tmp_path / "sunday.mkv", tmp_path / "tuesday.mkv"
    write_clip(empty, [grey] * 9)
    write_clip(late, [grey] * 10)
    recording = CalibrationRecording(tmp_path / "camera", replace(RULE, blurry=4, sharp=3))
    gone_through, said = of_several([empty, clip, late], recording)
    assert recording.complete
    assert {frame.clip for frame in recording.frames} == {"monday"}
    for name in ("sunday", "tuesday"):
        assert f"nothing was kept of {name}: no frame is clearly sharp" in said
        assert gone_through[name] <= 11, "once, to the end"
    _, said = of_several([clip, late], recording)
    assert said.count("there were frames enough") == 2


def test_photographs_are_no_examples_and_the_user_learns_what_is(
    seen: list[Shot], tmp_path: Path
) -> None:
    blurred = [shot.pixels for shot in seen if shot.extent_px > 5][::20]
    photographs = [tmp_path / f"IMG_{number}.jpg" for number in range(len(blurred))]
    for photograph, pixels in zip(photographs, blurred, strict=True):
        cv2.imwrite(str(photograph), pixels)
    recording = CalibrationRecording(tmp_path / "camera", RULE)
    _, said = of_several(photographs, recording)
    assert not recording.frames
    assert said.count("as in a photograph; film some seconds") == len(photographs) >= 2


@pytest.mark.parametrize("still_first", [True, False])
def test_clips_of_one_kind_each_fill_a_recording(
    seen: list[Shot], tmp_path: Path, still_first: bool
) -> None:
    still, moving = tmp_path / "still.mkv", tmp_path / "moving.mkv"
    write_clip(still, [shot.pixels for shot in seen if shot.extent_px == 0])
    write_clip(moving, [shot.pixels for shot in seen[14:38]])
    clips = [still, moving] if still_first else [moving, still]
    recording = CalibrationRecording(tmp_path / "camera", replace(RULE, blurry=3, sharp=6))
    of_several(clips, recording)
    kept = Counter((frame.clip, frame.kind) for frame in recording.frames)
    assert kept["still", "sharp"] > 3, "more than its share"
    assert recording.complete
    recording.finish()
    (tmp_path / "again.mkv").write_bytes(still.read_bytes() + bytes(1))
    recording = CalibrationRecording(tmp_path / "camera", replace(RULE, blurry=30, sharp=6))
    _, said = of_several([tmp_path / "again.mkv"], recording)
    assert "nothing was kept of again: it has sharp frames, of which there are enough" in said


def test_frames_that_are_too_small_to_learn_from_are_told_while_recording(tmp_path: Path) -> None:
    flat_recording(tmp_path / "camera")
    clip = tmp_path / "sunday.mkv"
    write_clip(clip, [np.full((HEIGHT, WIDTH, 3), 128, np.uint8)] * 9)
    console = Console(file=StringIO(), width=200)
    assert run_record(RecordJob(to=tmp_path / "camera", clips=(str(clip),)), console) == 0
    assert isinstance(console.file, StringIO)
    said = console.file.getvalue()
    assert said.count("frames of 96x64 are too small for `blur2blur calibrate train`") == 1
    assert f"{least_frame_px(load_profile('balanced').card)} px" in said


def test_frames_that_take_much_memory_to_learn_from_are_told(tmp_path: Path) -> None:
    everything = np.ones((1080 // TILE_PX, 1920 // TILE_PX), bool)
    for rule, says in ((RecordingRule(), "500 frames of 1920x1080 take 3.1 GB"), (RULE, None)):
        recording = CalibrationRecording(tmp_path / f"{rule.sharp}", rule)
        pixels = cv2.resize(discs(3, 96), (1920, 1080))
        recording.offer("a", 0.0, pixels, Judgement(Verdict.SHARP, 1.0, everything, 0.0))
        told = size_problem(recording)
        assert told is None if says is None else told is not None and says in told


def test_each_clip_has_its_own_from(tmp_path: Path) -> None:
    """As a shell makes of --from *.mkv."""
    result = blur2blur(
        "calibrate", "record", "--from", "a.mkv", "b.mkv", "--to", tmp_path / "camera",
        COLUMNS="200",
    )  # fmt: skip
    assert result.returncode == 2
    assert "either a camera or clips, each clip with its own --from" in result.stderr
    assert not list(tmp_path.iterdir())


def test_clips_take_no_options_of_cameras(clip: Path, tmp_path: Path) -> None:
    for option in ("--seconds", "--fps"):
        result = blur2blur(
            "calibrate", "record", "--from", clip, "--to", tmp_path / "camera", option, "5"
        )
        assert result.returncode == 1
        assert f"{option} is about cameras" in result.stderr
    assert not (tmp_path / "camera").exists()


def test_stillness_and_movement_take_turns() -> None:
    said = [instruction(second + 0.5) for second in range(20)]
    assert [line.startswith("HOLD") for line in said] == ([True] * 4 + [False] * 6) * 2
