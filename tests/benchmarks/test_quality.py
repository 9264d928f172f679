import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.quality import SIZES, measured_profiles
from benchmarks.quality_cases import make_cases, unseen_photographs
from benchmarks.quality_methods import network_cost
from calibration.measures import psnr_db
from calibration.profile_networks import part_network
from engines.profile import Profile
from tests.conftest import blur2blur, discs


def test_figures_of_a_small_run(tmp_path: Path) -> None:
    file, sheet, chart = (tmp_path / name for name in ("quality.json", "sheet.jpg", "chart.png"))
    result = blur2blur(
        "bench", "quality", "--profile", "fast", "--known", "6", "--moving", "2",
        "--sharp", "2", "--gate", "4", "--json", file, "--sheet", sheet, "--chart", chart,
        timeout_s=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    figures = json.loads(file.read_text())
    rows = {row["name"]: row for row in figures["rows"]}
    assert list(rows) == ["fast", "unsharp", "wiener"]
    assert rows["wiener"]["known"]["psnr_gain_db"] > 1, "it is told the kernel"
    assert rows["unsharp"]["engine_ms"] is None
    network = rows["fast"]
    assert network["engine_ms"] > 0
    assert network["params"] > 1e6
    assert len(network["known"]["terciles"]) == 3
    assert 0.5 < network["known"]["share_improved_shift"] <= 1
    told = network["known_told"]["psnr_gain_db"]
    assert told > network["known"]["psnr_gain_db"] + 0.5, "it is told the motion"
    assert "known_told" not in rows["unsharp"]
    assert network["object_motion"]["background_psnr_db"] > 30
    assert network["even_motion"]["background_psnr_db"] > 30
    assert network["sharp_psnr_db"] > 30
    shares = {"sharp_untouched_share", "blurred_deblurred_share"}
    assert set(figures["gate"]) == {"profile", *shares}
    assert figures["gate"]["profile"] == "fast"
    assert "--deblur auto with fast" in result.stderr + result.stdout
    assert "astronaut.png" in figures["photographs"]
    assert cv2.imread(str(sheet)).shape[1] == (4 + 2 + 2) * 256
    assert cv2.imread(str(chart)) is not None


def test_all_that_ships_is_measured_beside_what_it_is_compared_with() -> None:
    assert list(measured_profiles(())) == [*SIZES, "nafnet16", "plain", "plain-short"]


def test_photographs_that_were_trained_on_are_left_out(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    cv2.imwrite(str(seen / "kitten-on-lawn.jpg"), np.zeros((400, 400, 3), np.uint8))
    result = blur2blur("bench", "quality", "--data", seen)
    assert result.returncode == 1
    assert "trained on" in " ".join(result.stderr.split())


def test_photographs_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    folders = [tmp_path / "monday", tmp_path / "tuesday"]
    for number, folder in enumerate(folders):
        folder.mkdir()
        cv2.imwrite(str(folder / "x.png"), discs(number, 360))
    pictures, names = unseen_photographs(folders, [])
    assert names == ["x.png", "x.png"]
    assert not np.array_equal(*pictures)


def test_cases_are_the_same_every_time_and_blurred() -> None:
    photographs = [np.random.default_rng(0).integers(0, 256, (400, 420, 3), dtype=np.uint8)]
    cases, again = (make_cases(photographs, known=3, moving=2, sharp=1) for _ in range(2))
    for one, other in zip(cases.known, again.known, strict=True):
        assert np.array_equal(one.blurred, other.blurred)
        assert psnr_db(one.blurred, one.sharp) < 30
        assert abs(one.kernel.sum() - 1) < 1e-5
        assert 5 <= one.extent_px <= 25
    assert np.array_equal(cases.moving[1].sharp, again.moving[1].sharp)
    assert np.array_equal(cases.even[1].blurred, again.even[1].blurred)
    assert not np.array_equal(cases.even[1].sharp, cases.moving[1].sharp)


def test_profiles_of_one_name_have_rows_of_their_own(balanced: Profile, tmp_path: Path) -> None:
    mine = tmp_path / "balanced"
    shutil.copytree(balanced.folder, mine)
    assert list(measured_profiles(("fast", str(mine)))) == ["fast", "balanced"]
    assert list(measured_profiles(("balanced", str(mine)))) == ["balanced", str(mine)]


def test_a_translator_costs_too(balanced: Profile) -> None:
    network = part_network(balanced, "deblurrer")
    alone, twice = network_cost([network]), network_cost([network, network])
    assert twice[0] == 2 * alone[0]
    assert twice[1] == pytest.approx(2 * alone[1], abs=0.011)
