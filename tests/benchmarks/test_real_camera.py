import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.real_camera import changed_places, clip_figures, raw_clip, still_places
from tests.conftest import ROOT


def frames() -> list[np.ndarray]:
    """A square that crosses a still, textured wall."""
    wall = np.random.default_rng(0).integers(60, 120, (192, 256, 3), dtype=np.uint8)
    wall = cv2.GaussianBlur(wall, (0, 0), 3)
    made = []
    for number in range(12):
        picture = wall.copy()
        left = 16 * number
        picture[80:112, left : left + 32] = 255
        made.append(picture)
    return made


def test_what_moves_is_not_still_and_what_is_far_from_it_is() -> None:
    given = frames()
    for number, still in enumerate(still_places(given)):
        assert not still[96, 16 * number + 16]
        assert not still[96, min(255, 16 * number + 40)], "near what moves"
        assert still[10].all()


def test_changes_are_told_where_they_are(hand_model: Path) -> None:
    raw = frames()
    clip = raw_clip("a.mkv", raw, hand_model)
    softer = [picture.copy() for picture in raw]
    for picture in softer:
        picture[60:132] = cv2.GaussianBlur(picture[60:132], (0, 0), 2)
    same = clip_figures(clip, "same", raw, hand_model)
    soft = clip_figures(clip, "soft", softer, hand_model)
    assert same.detail == 1
    assert soft.detail is not None
    assert soft.detail < 0.9
    assert (same.frames, same.hands_raw, same.hands) == (12, 0, 0), "nobody's hand"
    brighter = [np.minimum(picture, 252) + 3 for picture in raw]
    shifted = clip_figures(clip, "brighter", brighter, hand_model)
    assert shifted.still_psnr_db == pytest.approx(20 * np.log10(255 / 3), abs=0.05)


def test_the_places_that_were_changed_most_are_shown() -> None:
    raw = frames()
    changed = [picture.copy() for picture in raw]
    changed[9][150:170, 200:220] += 40
    changed[3][20:40, 30:50] += 20
    first, second, *_ = changed_places(raw, {"same": raw, "changed": changed})
    assert (first[0], second[0]) == (9, 3)
    for (_, rows, columns), (y, x) in ((first, (160, 210)), (second, (30, 40))):
        assert rows.start <= y < rows.stop
        assert columns.start <= x < columns.stop
        assert raw[0][rows, columns].shape == (160, 160, 3), "inside the picture"


@pytest.mark.long
def test_a_real_clip(media: Path, hand_model: Path, tmp_path: Path) -> None:
    file, sheet = tmp_path / "figures.json", tmp_path / "sheet.jpg"
    subprocess.run(
        [
            sys.executable, "-m", "benchmarks.real_camera", media / "hands" / "yes.mkv",
            "--profile", "fast", "--json", file, "--sheet", sheet,
        ],
        check=True, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert cv2.imread(str(sheet)).shape[1] == 4 * 160
    (one,) = json.loads(file.read_text())["clips"]
    assert one["still_psnr_db"] > 38
    assert 0 < one["hands_raw"] <= one["frames"]
    assert abs(one["hands"] - one["hands_raw"]) <= one["frames"] // 4
