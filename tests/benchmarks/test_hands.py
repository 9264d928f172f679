"""The cases of `bench hands`, and what it counts."""

import json
import weakref
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

from benchmarks.hand_cases import (
    DIRECTIONS,
    StillHand,
    blurred_hands,
    find_clips,
    read_frames,
)
from benchmarks.hands_live import join_clips
from benchmarks.hands_tables import markdown, tables
from benchmarks.wiener import wiener
from calibration.errors import CalibrationError
from calibration.measures import psnr_db
from stream.capture.source import Size
from stream.capture.synthetic import read_number
from tests.conftest import ROOT, MakeClip
from tests.stream.hands.synthetic_hand import bent_hand


def test_blur_is_as_long_as_it_says_and_has_the_known_kernel() -> None:
    hand = bent_hand(10, at=(160, 180))
    noise = np.random.default_rng(0).normal(128, 900, (240, 320, 3))
    texture = np.clip(cv2.GaussianBlur(noise, (0, 0), 4), 0, 255).astype(np.uint8)
    still = StillHand("clip", 3, texture, hand)
    cases = list(blurred_hands(still, 0.3, seed=1))
    assert len(cases) == DIRECTIONS
    again = list(blurred_hands(still, 0.3, seed=1))
    for case, same in zip(cases, again, strict=True):
        assert np.array_equal(case.pixels, same.pixels)
        rows, columns = np.nonzero(case.kernel > 0)
        length = np.hypot(np.ptp(rows), np.ptp(columns))
        assert length == pytest.approx(0.3 * hand.palm_px, abs=2.5)
        place = (slice(80, 160), slice(120, 200))
        restored, before, truth = (
            np.ascontiguousarray(p[place])
            for p in (wiener(case.pixels, case.kernel), case.pixels, texture)
        )
        assert psnr_db(restored, truth) > psnr_db(before, truth) + 1


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "._yes.mp4").write_bytes(b"what a Mac leaves")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "moved.mp4")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CalibrationError, match="there is no clip"):
        find_clips(tmp_path)
    (tmp_path / "YES.MP4").touch()
    assert find_clips(tmp_path) == [tmp_path / "YES.MP4"]


def test_a_clip_is_not_held_in_memory(make_clip: MakeClip) -> None:
    seen, held = [], []
    for pixels in read_frames(make_clip(pts_ms=range(0, 2000, 40))):
        seen.append(weakref.ref(pixels))
        held.append(sum(frame() is not None for frame in seen))
    assert len(held) == 50
    assert max(held) <= 2


def test_clips_of_any_size_are_played(make_clip: MakeClip, tmp_path: Path) -> None:
    """As large as the first one, but with even sides; those of another size are left out."""
    clips = [
        make_clip(f"{number}.mkv", width=width, height=97, pts_ms=range(0, 40 * count, 40))
        for number, (width, count) in enumerate([(161, 5), (192, 9), (161, 3)])
    ]
    joined = tmp_path / "joined.mkv"
    assert join_clips(clips, joined) == Size(160, 96)
    pictures = list(read_frames(joined))
    assert {pixels.shape for pixels in pictures} == {(96, 160, 3)}
    assert [read_number(pixels) for pixels in pictures] == [0, 1, 2, 3, 4, 0, 1, 2]
    with av.open(str(joined)) as container:
        assert container.streams.video[0].average_rate == 30


def test_a_report_says_which_clips_its_figures_are_of() -> None:
    result = json.loads((ROOT / "benchmarks" / "results" / "hands.json").read_text())
    result["still_frames_by_clip"] = {"again": 17, "open_palm": 6}
    for row in result["live"]:
        row["size"] = "640x360"
    text = markdown(result)
    assert text.startswith("23 still frames (again 17, open_palm 6) x 6 directions")
    assert "| live, 640x360 | frames/s |" in text
    assert tables(result)[2].title == "640x360 at 30 frames a second, --deblur on"
