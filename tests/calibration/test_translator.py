import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from calibration.acuity import Judgement, Verdict
from calibration.camera_crops import CameraCrops
from calibration.discriminator import Discriminator, hinge_loss, r1_penalty, split_luma
from calibration.errors import CalibrationError
from calibration.known_blur import KnownBlur
from calibration.known_domains import known_domains
from calibration.object_motion import ObjectMotion
from calibration.recording import CalibrationRecording
from calibration.train_translator import TranslatorTrainer, TranslatorTraining
from calibration.translator import TRANSLATOR, pyramid
from engines.networks import PlainUNetSpec
from engines.profile import load_profile
from stream.commands.calibrate import conclude
from tests.calibration.test_folder_lock import held_by_another
from tests.calibration.test_recording import RULE, record
from tests.calibration.virtual_camera import shots
from tests.conftest import PLAIN_SHORT, ROOT, blur2blur, discs
from tests.engines.test_profile import rewrite_card

SMALL = PlainUNetSpec(stem=4, width=8, encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1))


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a virtual camera."""
    folder = tmp_path_factory.mktemp("recordings") / "camera"
    record(folder, list(shots(240, 7, object_only=True)), replace(RULE, blurry=10, sharp=6))
    return folder


@pytest.fixture
def settings(camera: Path, tmp_path: Path) -> TranslatorTraining:
    return TranslatorTraining(
        recording=camera,
        out=tmp_path / "run",
        network=SMALL,
        crops=24,
        batch=4,
        validation_crops=4,
    )


def test_known_blur_is_what_the_deblurrers_card_tells() -> None:
    known, moving = known_domains(load_profile("quality").card)
    for domain in (known, moving):
        assert (domain.min_extent_px, domain.max_extent_px, domain.linear_share) == (3, 28, 0.4)
    assert known_domains(load_profile(str(PLAIN_SHORT)).card) == (KnownBlur(), ObjectMotion())
    assert known_domains({}) == (KnownBlur(), ObjectMotion())


def test_translator_learns_towards_the_blur_of_its_deblurrer(
    settings: TranslatorTraining,
) -> None:
    usual = TranslatorTrainer(replace(settings, deblurrer=str(PLAIN_SHORT))).dataset
    for_quality = TranslatorTrainer(replace(settings, deblurrer="quality")).dataset
    (mine, known), (same, known_to_quality) = usual[0], for_quality[0]
    assert torch.equal(mine, same)
    assert not torch.equal(known, known_to_quality)


def test_that_the_blur_of_pairs_is_missing_is_said(
    settings: TranslatorTraining, tmp_path: Path
) -> None:
    shutil.copytree(PLAIN_SHORT, tmp_path / "net")
    rewrite_card(tmp_path / "net", training={"pairs": {"on_disk": True, "crop_px": 128}})
    said: list[str] = []
    TranslatorTrainer(replace(settings, deblurrer=str(tmp_path / "net")), said.append)
    assert any("learned from pairs" in line and "--blur-from" in line for line in said)
    said.clear()
    named = replace(settings, deblurrer=str(PLAIN_SHORT), out=tmp_path / "other")
    TranslatorTrainer(named, said.append)
    assert not any("pairs" in line for line in said)


def test_untrained_translator_is_the_identity() -> None:
    picture = torch.rand(2, 3, 64, 96)
    assert torch.equal(TRANSLATOR.build()(picture), picture)


def test_smaller_sizes_are_means_of_blocks() -> None:
    picture = torch.rand(2, 3, 64, 96)
    whole, half, quarter = pyramid(picture)
    assert torch.equal(whole, picture)
    torch.testing.assert_close(half[..., 3, 5], picture[..., 6:8, 10:12].mean((-2, -1)))
    torch.testing.assert_close(quarter[..., 3, 5], picture[..., 12:16, 20:24].mean((-2, -1)))


def test_luma_and_colour_are_the_whole_picture() -> None:
    picture = torch.rand(2, 3, 8, 8)
    luma, colour = split_luma(picture)
    torch.testing.assert_close(luma + colour, picture)
    torch.testing.assert_close(split_luma(colour)[0], torch.zeros(2, 1, 8, 8), atol=1e-6, rtol=0)
    grey = torch.rand(2, 1, 8, 8).expand(-1, 3, -1, -1)
    torch.testing.assert_close(split_luma(grey)[1], torch.zeros_like(grey), atol=1e-6, rtol=0)


def test_discriminator_sees_neither_colour_nor_brightness() -> None:
    critic = Discriminator(width=4)
    picture = torch.rand(1, 3, 64, 64)
    luma = (picture * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    grey = luma.expand(-1, 3, -1, -1)
    critic.eval()
    coloured, plain, brighter = critic([picture, grey, picture + 0.2])
    torch.testing.assert_close(coloured, plain, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(coloured, brighter, atol=1e-4, rtol=1e-4)


def test_discriminator_learns_soon_how_fine_detail_differs() -> None:
    torch.manual_seed(0)
    critic = Discriminator(width=8)
    optimizer = torch.optim.Adam(critic.parameters(), 3e-4, (0.5, 0.99))

    def both(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A picture blurred at once, and one whose odd rows are blurred later."""
        pictures = torch.from_numpy(discs(seed, 80)).permute(2, 0, 1)[None] / 255.0
        at_once = F.avg_pool2d(pictures, (1, 9), 1)
        combed = at_once[..., :-8].clone()
        combed[..., 1::2, :] = at_once[..., 1::2, 8:]
        return at_once[..., :64, :64], combed[..., :64, :64]

    for step in range(40):
        smooth, combed = both(step)
        says = critic([torch.cat([smooth, combed])])[0].chunk(2)
        loss = hinge_loss([says[0]], [says[1]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        told = [torch.cat([critic([s])[0] > 0, critic([c])[0] < 0]) for s, c in map(both, (90, 91))]
    assert torch.cat(told).double().mean() > 0.9


def test_penalty_does_not_depend_on_batch_or_crop() -> None:
    torch.manual_seed(0)
    critic = Discriminator(width=4).eval()
    picture = torch.rand(1, 3, 64, 64)
    one = r1_penalty(critic, [picture])
    many = r1_penalty(critic, [picture.expand(5, -1, -1, -1)])
    torch.testing.assert_close(one, many)
    assert one.requires_grad


def test_hinge_is_zero_where_both_are_told_with_a_margin() -> None:
    sure, wrong = torch.full((2, 1, 3, 3), 1.5), torch.full((2, 1, 3, 3), -1.5)
    assert float(hinge_loss([sure], [wrong])) == 0.0
    assert float(hinge_loss([wrong], [sure])) == 5.0


def test_crops_show_what_moved_and_known_blur_of_sharp_frames(camera: Path) -> None:
    recording = CalibrationRecording(camera)
    crops = CameraCrops(recording, crop_px=64, seed=3, length=10)
    assert crops.moving_share > 0.5
    unknown, known = crops[4]
    assert unknown.shape == known.shape == (3, 64, 64)
    again = CameraCrops(recording, crop_px=64, seed=3, length=10)
    assert all(map(torch.equal, crops[4], again[4]))
    assert not torch.equal(crops[4][0], crops[5][0])
    sources = [recording.read(f) for f in recording.frames if f.kind == Verdict.BLURRY]
    patch = unknown.permute(1, 2, 0).numpy()
    found = max(
        float(cv2.matchTemplate(source, version, cv2.TM_CCOEFF_NORMED).max())
        for source in sources
        for version in (patch, np.ascontiguousarray(patch[:, ::-1]))
    )
    assert found > 0.999


def test_known_blur_is_of_the_places_that_blurry_frames_show(tmp_path: Path) -> None:
    """In sharp frames of the same clip; a thing that moves there is a part of what is there."""
    random = np.random.default_rng(5)
    frames = {
        clip: cv2.blur(random.integers(0, 256, (192, 256, 3), np.uint8), (3, 3)) for clip in "ab"
    }
    corner = np.zeros((6, 8), np.bool_)
    corner[:2, :2] = True
    recording = CalibrationRecording(tmp_path / "two clips", replace(RULE, min_difference=0.0))
    for clip, frame in frames.items():
        recording.offer(clip, 0.0, frame, Judgement(Verdict.SHARP, 1.0, np.ones_like(corner), 0.0))
        region = corner if clip == "a" else corner[::-1, ::-1]
        recording.offer(clip, 9.0, frame, Judgement(Verdict.BLURRY, 0.5, region, 0.1))
    crops = CameraCrops(
        recording,
        crop_px=64,
        seed=3,
        length=10,
        known=KnownBlur(min_extent_px=3, max_extent_px=6),
        moving=ObjectMotion(min_extent_px=3, max_extent_px=6),
    )
    assert crops.moving_share == 1.0
    seen = set()
    for number in range(12):
        truth = crops.known.example(np.random.default_rng(number)).sharp
        for clip, frame in frames.items():
            for version in (truth, np.ascontiguousarray(truth[:, ::-1])):
                match = cv2.matchTemplate(frame, version, cv2.TM_CCOEFF_NORMED)
                if match.max() > 0.999:
                    y, x = np.unravel_index(match.argmax(), match.shape)
                    seen.add(clip)
                    near = (y, x) if clip == "a" else (192 - 64 - y, 256 - 64 - x)
                    assert max(near) <= 64, "a crop's middle lies where something moved"
    assert seen == {"a", "b"}


def test_recording_without_blur_is_refused(camera: Path) -> None:
    recording = CalibrationRecording(camera)
    recording.frames = [f for f in recording.frames if f.kind == Verdict.SHARP]
    with pytest.raises(CalibrationError, match="0 blurry"):
        CameraCrops(recording, crop_px=64, seed=0, length=1)


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_second_run_in_a_folder_is_refused_while_the_first_goes_on(
    settings: TranslatorTraining,
) -> None:
    settings.out.mkdir()
    with (
        held_by_another(settings.out),
        pytest.raises(CalibrationError, match=f"another process trains in {settings.out}"),
    ):
        TranslatorTrainer(settings)


def test_crops_too_small_for_the_discriminator_are_refused(settings: TranslatorTraining) -> None:
    with pytest.raises(ValueError, match="at least 128"):
        replace(settings, crop_px=64)


def test_interrupted_run_goes_on_exactly(settings: TranslatorTraining, tmp_path: Path) -> None:
    straight = TranslatorTrainer(settings)
    final = straight.run(lambda state: None)
    assert final.change > 0
    first = TranslatorTrainer(replace(settings, out=tmp_path / "other"))
    for number, batch in enumerate(first.batches(), start=1):
        first.step(*batch)
        if number == 2:
            first.save()
            break
    second = TranslatorTrainer(replace(settings, out=tmp_path / "other"))
    assert second.crops_done == 8
    second.run(lambda state: None)
    for key, value in straight.averaged.state_dict().items():
        torch.testing.assert_close(second.averaged.state_dict()[key], value, atol=1e-5, rtol=1e-4)
    lines = (settings.out / "log.jsonl").read_text().splitlines()
    assert {"change", "told_apart", "detail"} < json.loads(lines[-1]).keys()
    assert cv2.imread(str(settings.out / "examples.png")) is not None
    for what, other in (
        ("deblurrer", replace(settings, deblurrer=str(PLAIN_SHORT))),
        ("seed", replace(settings, seed=1)),
    ):
        with pytest.raises(CalibrationError, match=f"other .*{what}"):
            TranslatorTrainer(other)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["train", "nowhere", "--profile", "mycam"], "`blur2blur calibrate record 0 --to nowhere`"),
        (["train", "nowhere", "--profile", "balanced"], "say another name"),
        (["train", "nowhere", "--profile", "my cam"], "say one of letters, digits, _, - and ."),
        (["train", "x", "--profile", "mycam", "--blur-from", "nope"], "nope is no folder; blur"),
        (["train", "x", "--profile", "mycam", "--blur-from", "."], ". holds no pairs; blur is"),
        (["report", "nowhere", "--profile", "fast", "--to", "page.html"], "holds no recording"),
        (["report", "nowhere", "--profile", "fast"], "holds no recording"),
    ],
)
def test_what_is_not_there_is_named_and_not_made(
    command: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = blur2blur("calibrate", *command, PYTHONPATH=str(ROOT))
    assert result.returncode == 1
    assert says in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_run_that_is_stopped_replaces_no_profile(
    settings: TranslatorTraining, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trainer = TranslatorTrainer(replace(settings, deblurrer=str(PLAIN_SHORT)))
    trainer.crops_done = 8
    made: list[Path] = []

    def end(folder: Path) -> str:
        conclude(trainer, folder, settings.recording, lambda: made.append(folder))
        return " ".join(capfd.readouterr().err.split())

    assert "plain-short stays as it was; once more with --crops 8, what" in end(PLAIN_SHORT)
    assert not made
    new = tmp_path / "new"
    assert "`blur2blur live 0 --profile new`" in end(new)
    assert made == [new]
    again = TranslatorTrainer(replace(settings, deblurrer=str(PLAIN_SHORT), crops=8))
    again.crops_done = 8
    assert again.finished, "with --crops 8 it is at its end"


def test_from_recording_to_a_profile_that_live_takes(camera: Path, tmp_path: Path) -> None:
    folders = {"XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)}
    trained = blur2blur(
        "calibrate", "train", camera, "--profile", "mycam", "--quick", "--crops", "16",
        "--deblurrer", PLAIN_SHORT,
        "--features", "efficientnet-lite0", timeout_s=300, **folders,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert "mycam" in trained.stderr
    assert re.search(r"mycam\.html: it (helps|does not help)", "".join(trained.stderr.split("\n")))
    assert "with this profile" in (camera / "mycam.html").read_text()
    live = blur2blur(
        "live", "synthetic:160x96@0?seconds=1", "--to", "null", "--profile", "mycam", **folders
    )
    assert live.returncode == 0, live.stderr
    text = (camera / "mycam.html").read_text()
    assert "What to do about it" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text), "it loads nothing"
    folder = tmp_path / "data" / "blur2blur" / "profiles" / "mycam"
    rewrite_card(folder, left_below=0.3)
    distilled = blur2blur(
        "calibrate", "distil", camera, "--from", "mycam", "--profile", "mycam-one",
        "--crops", "8", timeout_s=300, **folders,
    )  # fmt: skip
    assert distilled.returncode == 0, distilled.stderr
    one, card = (load_profile(str(folder.with_name(name))).card for name in ("mycam-one", "mycam"))
    assert one["translator"]["architecture"] == "identity"
    assert one["training"]["teacher"] == "mycam"
    assert one["left_below"] == 0.3, "what its teacher leaves alone, it does"
    page = tmp_path / "one.html"
    reported = blur2blur(
        "calibrate", "report", camera, "--profile", "mycam-one", "--to", page, **folders
    )
    assert reported.returncode == 0, reported.stderr
    assert "with this profile" in page.read_text()
    nothing = blur2blur(
        "calibrate", "distil", camera, "--from", "balanced", "--profile", "no", **folders
    )
    assert nothing.returncode == 1
    assert "no translator" in " ".join(nothing.stderr.split())
    assert card["translator"]["width"] == TRANSLATOR.width
    given = load_profile(str(PLAIN_SHORT)).card
    assert card["deblurrer"] == given["deblurrer"]
    assert card["training"]["deblurrer_sha256"] == given["sha256"]["weights.safetensors"]
    for camera_card in (card, one):
        assert camera_card["training"]["data"] == given["training"]["data"]
        assert camera_card["training"]["pairs"] == given["training"]["pairs"]
