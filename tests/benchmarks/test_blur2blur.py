"""The protocol: its cameras, its statistics, and the whole of it at toy size."""

import io
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks.blur2blur import ProtocolBenchmark, run_protocol_benchmark
from benchmarks.blur2blur_cases import make_cases
from benchmarks.blur2blur_data import copy_all
from benchmarks.blur2blur_figures import bootstrap_ci95
from benchmarks.blur2blur_rows import ROWS
from benchmarks.blur2blur_training import ProtocolTraining, train_protocol
from benchmarks.unknown_domains import DOMAINS, U1, Chain, UnknownDomain
from calibration.camera import to_linear
from calibration.errors import CalibrationError
from calibration.measures import psnr_db
from engines.networks import PlainUNetSpec
from stream.commands.app import app
from tests.conftest import blur2blur, discs
from tests.engines.conftest import trained


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_camera_blurs_around_its_truth(domain: UnknownDomain) -> None:
    given = discs(0, 192), discs(1, 192)
    scene = domain.moving(*given, np.random.default_rng(3))
    side = 192 - 2 * domain.margin_px
    assert scene.blurred.shape == scene.truth.shape == (side, side, 3)
    assert psnr_db(scene.blurred, scene.truth) < 30
    again = domain.moving(*given, np.random.default_rng(3))
    assert np.array_equal(scene.blurred, again.blurred)
    assert not np.array_equal(
        scene.blurred, domain.moving(*given, np.random.default_rng(4)).blurred
    )


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_sharp_frame_of_it_is_its_truth_but_for_noise_and_codec(domain: UnknownDomain) -> None:
    grey = discs(0, 192).mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2)
    still = domain.still(grey, np.random.default_rng(3))  # codecs keep few rows of a field's colour
    motionless = UnknownDomain(
        name="still", about="", chain=domain.chain, extent_px=(1e-6, 1e-6), turn_degrees=0.0,
        zoom=0.0, thing_share=0.0,
    )  # fmt: skip
    truth = motionless.moving(grey, discs(1, 192), np.random.default_rng(3)).truth
    assert psnr_db(still, truth) > 25
    bare = replace(domain.chain, jpeg_quality=None, h264_crf=None, shot_noise=0.0, read_noise=0.0)
    plain = replace(domain, chain=bare).still(discs(0, 192), np.random.default_rng(3))
    coloured = motionless.moving(discs(0, 192), discs(1, 192), np.random.default_rng(3)).truth
    assert psnr_db(plain, coloured) > 45, "the same lens and response"


def test_rows_of_an_interlaced_camera_are_exposed_in_turns_around_one_truth() -> None:
    interlaced = UnknownDomain(
        name="interlaced", about="", chain=Chain(interlaced=True), moments=(8, 8), thing_share=0.0,
        extent_px=(16.0, 16.0), turn_degrees=0.0, zoom=0.0,
    )  # fmt: skip
    scene = interlaced.moving(discs(0, 192), discs(1, 192), np.random.default_rng(3))
    even, odd = (scene.blurred[first::2].astype(float) for first in (0, 1))
    whole = replace(interlaced, chain=Chain(), moments=(16, 16))
    at_once = whole.moving(discs(0, 192), discs(1, 192), np.random.default_rng(3))
    assert np.array_equal(scene.truth, at_once.truth)
    combs = np.abs(even - odd).mean()
    assert combs > 2 * np.abs(at_once.blurred[::2] - at_once.blurred[1::2].astype(float)).mean()
    light = [to_linear(picture).reshape(64, 2, 128, 3).mean(axis=(0, 1)) for picture in
             (scene.blurred, at_once.blurred)]  # fmt: skip
    assert np.abs(light[0] - light[1]).mean() < 0.02, "together they saw the same"


@pytest.mark.parametrize("count", [4, 5, 12])
def test_truth_of_a_rolling_shutter_is_each_rows_own_middle(count: int) -> None:
    """Two exposures of one motion, of few moments and of many, are blurred around one truth."""
    rolling = UnknownDomain(
        name="rolling", about="", chain=Chain(), moments=(count, count), thing_share=0.0,
        extent_px=(1e-6, 1e-6), turn_degrees=0.0, zoom=0.0, rolling=True,
    )  # fmt: skip
    scene = rolling.moving(discs(0, 192), discs(1, 192), np.random.default_rng(3))
    assert psnr_db(scene.blurred, scene.truth) > 45, "without motion it is sharp"
    moving = replace(rolling, extent_px=(8.0, 8.0))
    for y in (44, 148):  # near the first row, and near the last
        spot = np.zeros((192, 192, 3), np.uint8)
        cv2.circle(spot, (96, y), 6, (255, 255, 255), -1)
        for seed in range(4):
            scene = moving.moving(spot, spot, np.random.default_rng(seed))
            middles = [centre_of_light(picture) for picture in (scene.blurred, scene.truth)]
            assert np.linalg.norm(middles[0] - middles[1]) < 1.5


def centre_of_light(picture: np.ndarray) -> np.ndarray:
    light = to_linear(picture)[:, :, 1]
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


def test_camera_that_changes_nothing_gives_what_it_sees() -> None:
    perfect = UnknownDomain(name="perfect", about="", chain=Chain())
    m = perfect.margin_px
    still = perfect.still(discs(0, 192), np.random.default_rng(0))
    assert np.abs(still.astype(int) - discs(0, 192)[m:-m, m:-m]).max() <= 1


def test_highlights_clip_and_responses_bend() -> None:
    light = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 256, 1).repeat(3, axis=2)
    assert (Chain(contrast=0.5).developed(light)[0, 1:255, 0].argsort() == np.arange(254)).all()
    bright = Chain(highlights=3.0).scene(np.full((1, 1, 3), 255, np.uint8))
    assert bright.max() == pytest.approx(3.0)


def test_pictures_are_of_all_photographs_whatever_they_are_called(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "x.png" for folder in ("monday", "tuesday")]
    for colour, path in zip((40, 200), paths, strict=True):
        path.parent.mkdir()
        cv2.imwrite(str(path), np.full((400, 400, 3), colour, np.uint8))
    domain = replace(U1, chain=Chain(), thing_share=0.0)
    first, second = make_cases(domain, paths, 2)
    assert [first.scene, second.scene] == [str(path) for path in paths], "two of one name are two"
    assert second.truth.mean() > first.truth.mean() + 50


def test_photographs_of_one_name_are_all_copied(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "x.png" for folder in ("monday", "tuesday", "friday")]
    paths.append(tmp_path / "x-2.png")
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(path))
    (tmp_path / "to").mkdir()
    copy_all(paths, tmp_path / "to")
    copies = sorted(file.read_text() for file in (tmp_path / "to").iterdir())
    assert copies == sorted(map(str, paths))


def test_interval_is_over_scenes_not_pictures() -> None:
    random = np.random.default_rng(0)
    of_scene = random.normal(1.0, 1.0, 6)
    scenes = [f"scene {i % 6}" for i in range(600)]
    gains = np.array([of_scene[i % 6] for i in range(600)]) + random.normal(0, 0.01, 600)
    low, high = bootstrap_ci95(gains, scenes)
    assert low < gains.mean() < high
    assert high - low > 0.5, "six scenes tell little, however many pictures of them there are"
    certain = bootstrap_ci95(np.full(20, 0.25), [f"{i % 5}" for i in range(20)])
    assert certain == pytest.approx((0.25, 0.25))


def test_rows_are_those_of_the_protocol() -> None:
    assert sorted({row.number for row in ROWS}) == list(range(10))
    assert {row.name for row in ROWS if row.control} == {"no-gan", "wrong-known", "twice"}
    assert next(row for row in ROWS if row.name == "blur2blur").seeds == (0, 1, 2)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), discs(number, 420))
    return folder


@pytest.fixture(scope="module")
def deblurrer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from engines.export import export_deblurrer

    spec = PlainUNetSpec(width=4, encoder_blocks=(1, 1), decoder_blocks=(1,))
    folder = tmp_path_factory.mktemp("profiles") / "toy"
    weights = {k.removeprefix("toy."): v for k, v in trained(spec, "toy").items()}
    export_deblurrer(folder, name="toy", network=spec, weights=weights, card={})
    return folder


def test_rows_that_were_not_trained_are_named(
    photographs: Path, deblurrer: Path, tmp_path: Path
) -> None:
    result = blur2blur(
        "bench", "blur2blur", "--data", photographs, "--rows", tmp_path, "--profile", deblurrer,
        "--pictures", "2",
    )  # fmt: skip
    assert result.returncode == 1
    assert "holds no trained rows" in " ".join(result.stderr.split())


def test_rows_that_did_not_come_along_are_told_where_to_get(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A wheel holds none."""
    monkeypatch.setattr("benchmarks.blur2blur_rows.TRAINED_ROWS", tmp_path / "rows")
    result = CliRunner().invoke(app, ["bench", "blur2blur", "--data", str(tmp_path)])
    assert "checkout" in str(result.exception)


@pytest.mark.long
def test_protocol_from_photographs_to_figures(
    photographs: Path, deblurrer: Path, tmp_path: Path
) -> None:
    """Every row trained by what users run, then measured: a toy, but nothing in it is pretended."""
    said = Console(file=io.StringIO(), width=200)
    training = ProtocolTraining(
        data=(photographs,),
        to=tmp_path / "rows",
        deblurrer=str(deblurrer),
        frames=20,
        crops=16,
        validation_crops=2,
        domains=(U1,),
    )
    train_protocol(training, said)
    benchmark = ProtocolBenchmark(
        data=(photographs,),
        rows=tmp_path / "rows",
        deblurrer=str(deblurrer),
        pictures=2,
        domains=(U1,),
    )
    file, sheet = tmp_path / "f.json", tmp_path / "sheet.png"
    assert run_protocol_benchmark(benchmark, file, sheet, said) == 0
    figures = json.loads(file.read_text())
    assert figures["translator_share_of_deblurrer_ms"] is not None
    domain = figures["domains"]["U1"]
    assert [row["name"] for row in domain["rows"]] == [row.name for row in ROWS]
    rows = {row["name"]: row for row in domain["rows"]}
    assert rows["input"]["psnr_gain_db"] == 0
    assert rows["deblur"]["gain_over_deblur_db"] == 0
    assert rows["blur2blur"]["seeds"] == 3
    assert rows["input"]["sharp_psnr_db"] == 100
    low, high = domain["gain_db"]["ci95"]
    assert low <= domain["gain_db"]["mean"] <= high
    mean = np.mean(rows["blur2blur"]["gain_of_each_seed_db"])
    assert domain["gain_db"]["mean"] == pytest.approx(mean, abs=2e-4)
    controls = {row.name: rows[row.name]["gain_over_deblur_db"] for row in ROWS if row.control}
    assert controls[domain["best_control"]] == max(controls.values())
    over = domain["over_best_control_db"]
    assert over["mean"] == pytest.approx(mean - max(controls.values()), abs=3e-4)
    assert over["ci95"][0] <= over["mean"] <= over["ci95"][1]
    assert cv2.imread(str(sheet)) is not None
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").rglob("*")}
    train_protocol(training, said)
    with pytest.raises(CalibrationError, match="another crops"):
        train_protocol(replace(training, crops=32), said)
    with pytest.raises(CalibrationError, match="another deblurrer"):
        run_protocol_benchmark(replace(benchmark, deblurrer="fast"), None, None, said)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").rglob("*")}
    assert after == before, "nothing is trained twice"
