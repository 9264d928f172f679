"""Things that move over frames of a real camera, and what it does to them afterwards."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from benchmarks.hand_cases import read_frames
from benchmarks.processed_motion import CONDITIONS, measure, scenes_of
from benchmarks.real_camera import restored_frames
from calibration.measures import psnr_db
from tests.conftest import PLAIN_SHORT, discs


def test_scenes_are_the_same_every_time_and_blurred_where_something_moved() -> None:
    frames = [discs(seed, 400) for seed in range(13)]
    scenes, again = scenes_of(frames), scenes_of(frames)
    assert len(scenes) == 6
    side = 400 - 2 * (22 + 1)
    for one, other in zip(scenes, again, strict=True):
        assert np.array_equal(one.blurred, other.blurred)
        assert one.sharp.shape == (side, side, 3)
        moves = one.presence > 0.02
        still = psnr_db(one.blurred[~moves], one.sharp[~moves])
        assert psnr_db(one.blurred[moves], one.sharp[moves]) < still - 10


def test_things_move_as_far_as_is_said() -> None:
    frames = [discs(seed, 400) for seed in range(6)]
    for condition in CONDITIONS.values():
        shortest, longest = condition.extent_px
        ways = [
            np.ptp(scene.path, axis=0).max() for scene in scenes_of(frames, (shortest, longest))
        ]
        assert min(ways) >= shortest - 1e-6
        assert max(ways) <= longest + 1e-6


def test_processes_do_what_they_are_called() -> None:
    edges = cv2.GaussianBlur(discs(0, 128), (0, 0), 1.5)
    noise = np.random.default_rng(0).normal(0, 3, edges.shape)
    noisy = np.clip(edges + noise, 0, 255).astype(np.uint8)

    def contrast(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture.astype(float), axis=1)).mean())

    done = {name: condition.process(noisy) for name, condition in CONDITIONS.items()}
    assert all(picture.shape == noisy.shape for picture in done.values())
    assert np.array_equal(done["none"], noisy)
    assert psnr_db(done["noise reduced"], edges) > psnr_db(noisy, edges)
    assert contrast(done["sharpened"]) > 1.2 * contrast(noisy)
    for lossy in ("JPEG 75", "H.264 CRF 28"):
        assert 25 < psnr_db(done[lossy], noisy) < 50


def test_frames_of_several_sizes_are_restored_in_their_order() -> None:
    small, other, wide = discs(0, 64), discs(1, 64), np.hstack([discs(2, 64), discs(3, 64)])
    restored = restored_frames(str(PLAIN_SHORT), [small, wide, other])
    for after, before in zip(restored, (small, wide, other), strict=True):
        assert after.shape == before.shape
        assert psnr_db(after, before) > 20
    assert psnr_db(small, other) < 12


@pytest.mark.long
def test_on_a_real_clip(media: Path) -> None:
    clip = media / "hands" / "yes.mkv"
    (row,) = measure([clip], ["fast"], Console(quiet=True))
    assert row["scenes"] == len(scenes_of(list(read_frames(clip))))
    assert row["none"]["psnr_gain_db"] > 1
    assert row["all but H.264"]["psnr_gain_db"] < row["none"]["psnr_gain_db"]
    assert row["34 to 44 px"]["psnr_gain_db"] < row["none"]["psnr_gain_db"]
