"""Train what `bench blur2blur` compares, by what the user runs.

That is `calibrate train`, `calibrate distil` and `train deblurrer`. Hours in all; an interrupted
training goes on, and what is there is not made again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.blur2blur_data import (
    Scenes,
    agree,
    copy_all,
    made,
    setup,
    split_scenes,
    write_pairs,
    write_recording,
)
from benchmarks.blur2blur_rows import ROWS, Row, row_folder, save_row
from benchmarks.unknown_domains import DOMAINS, UnknownDomain
from calibration.acuity import Verdict
from calibration.camera_profile import export_camera_profile
from calibration.distil import Distillation
from calibration.errors import CalibrationError
from calibration.job import run_deblurrer_training, run_distillation, run_translator_training
from calibration.known_blur import KnownBlur
from calibration.object_motion import ObjectMotion
from calibration.pairs import PairRecipe
from calibration.train_deblurrer import DeblurrerTraining
from calibration.train_translator import TranslatorTraining
from calibration.trainer import Trainer
from calibration.trajectory import Movement
from engines.networks import read_specification
from engines.profile import load_profile

WRONG_PX = (30.0, 50.0)
"""Extents of the wrong known blur, in pixels: twice what the deblurrer was trained on."""


@dataclass(frozen=True, kw_only=True)
class ProtocolTraining:
    """What is trained, and for how long.

    Attributes:
        data: folders of sharp photographs; split into four parts by their names.
        to: folder of the recordings, runs and rows.
        deblurrer: profile of the known blur's deblurrer.
        frames: of each camera's recording, and as many pairs for the supervised bound.
        crops: training crops of each row.
        validation_crops: held-out crops that each training looks at.
        rows: names of the rows to train; all if empty.
        domains: the cameras.
    """

    data: tuple[Path, ...]
    to: Path
    deblurrer: str = "balanced"
    frames: int = 600
    crops: int = 4_000
    validation_crops: int = 24
    rows: tuple[str, ...] = ()
    domains: tuple[UnknownDomain, ...] = DOMAINS


def train_protocol(training: ProtocolTraining, console: Console) -> None:
    """Train every row that is not there yet.

    Raises:
        CalibrationError: the photographs cannot be used.
    """
    if unknown := set(training.rows) - {row.name for row in ROWS if row.trains}:
        raise CalibrationError(f"no row {', '.join(sorted(unknown))} is trained")
    scenes = split_scenes(training.data, training.deblurrer)
    training.to.mkdir(parents=True, exist_ok=True)
    agree(
        training.to,
        {
            **setup(scenes, training.deblurrer),
            "frames": training.frames,
            "crops": training.crops,
        },
    )
    for domain in training.domains:
        home = training.to / domain.name
        recording = made(
            home / "recording", partial(write_recording, domain, scenes, training.frames)
        )
        for row in ROWS:
            wanted = not training.rows or row.name in training.rows
            for seed in row.seeds if wanted and row.trains else ():
                folder = row_folder(training.to, domain.name, row, seed)
                if not folder.is_dir():
                    console.rule(f"{folder.relative_to(training.to)}")
                    _TRAIN[row.name](_Job(training, domain, scenes, recording, row, seed, console))


@dataclass(frozen=True)
class _Job:
    training: ProtocolTraining
    domain: UnknownDomain
    scenes: Scenes
    recording: Path
    row: Row
    seed: int
    console: Console

    @property
    def folder(self) -> Path:
        return row_folder(self.training.to, self.domain.name, self.row, self.seed)

    @property
    def run(self) -> Path:
        """Where the training itself keeps its checkpoints, log and pictures."""
        return self.training.to / "runs" / self.folder.relative_to(self.training.to)


def _train_translator(job: _Job, **change: object) -> None:
    settings = TranslatorTraining(
        recording=job.recording,
        deblurrer=job.training.deblurrer,
        out=job.run,
        crops=job.training.crops,
        validation_crops=job.training.validation_crops,
        seed=job.seed,
        features="efficientnet-lite0",  # whatever else is there, so that rows compare
        **change,  # type: ignore[arg-type]
    )
    trainer, final = run_translator_training(settings, job.console)
    _be_finished(trainer)
    if job.row.name == "blur2blur" and job.seed == 0:  # whom the distilled one learns from
        export_camera_profile(job.run / "profile", job.domain.name, trainer, final)
    weights = trainer.averaged.state_dict()
    save_row(job.folder, "translator", settings.network.to_json(), weights, trainer.card(final))


def _train_deblurrer(job: _Job, data: Sequence[Path], pairs: PairRecipe) -> None:
    settings = DeblurrerTraining(
        data=tuple(data),
        out=job.run,
        network=read_specification(load_profile(job.training.deblurrer).card["deblurrer"]),
        pairs=pairs,
        start=job.training.deblurrer,
        crops=job.training.crops,
        validation_crops=job.training.validation_crops,
        learning_rate=5e-4,
        seed=job.seed,
    )
    trainer, final = run_deblurrer_training(settings, job.console)
    _be_finished(trainer)
    weights = trainer.averaged.state_dict()
    save_row(job.folder, "deblurrer", settings.network.to_json(), weights, trainer.card(final))


def _train_direct(job: _Job) -> None:
    """Sharp frames in the place of known blur: what the discriminator takes as real is the goal."""
    _train_towards(job, 0.0, 0.0)


def _train_towards(job: _Job, min_px: float, max_px: float) -> None:
    """With blur of other extents in the place of the known one."""
    _train_translator(
        job,
        known=KnownBlur(min_extent_px=min_px, max_extent_px=max_px),
        moving=ObjectMotion(min_extent_px=min_px, max_extent_px=max_px),
    )


def _train_broad(job: _Job) -> None:
    recipe = PairRecipe.for_training(128, Movement(min_extent_px=2.0, max_extent_px=36.0), 0.35)
    broad = replace(
        recipe.known,
        max_roll_degrees=3.0,
        max_parallax=0.5,
        camera=replace(
            recipe.known.camera, max_noise=8.0, compressed_share=0.7, jpeg_quality=(30, 95)
        ),
    )
    photographs = [*job.scenes.blurry, *job.scenes.sharp]
    folder = made(job.training.to / "shared" / "photographs", partial(copy_all, photographs))
    moving = replace(recipe.moving, camera=broad.camera)
    _train_deblurrer(job, [folder], replace(recipe, known=broad, moving=moving))


def _train_supervised(job: _Job) -> None:
    write = partial(write_pairs, job.domain, job.scenes, job.training.frames)
    pairs = made(job.training.to / job.domain.name / "pairs", write)
    _train_deblurrer(job, [pairs], PairRecipe(crop_px=128))


def _train_re_blurred(job: _Job) -> None:
    recipe = PairRecipe(crop_px=128, min_scale=1.0, moving_share=0.35)
    _train_deblurrer(job, [job.recording / Verdict.SHARP], recipe)


def _train_distilled(job: _Job) -> None:
    blur2blur = next(row for row in ROWS if row.name == "blur2blur")
    teacher = replace(job, row=blur2blur, seed=0).run / "profile"
    network = read_specification(load_profile(job.training.deblurrer).card["deblurrer"])
    settings = Distillation(
        recording=job.recording,
        out=job.run,
        teacher=str(teacher),
        start=str(teacher),
        held_out=tuple(load_profile(str(teacher)).card["training"]["held_out"]),
        network=network,
        crops=job.training.crops,
        validation_crops=job.training.validation_crops,
        seed=job.seed,
    )
    trainer, final = run_distillation(settings, job.console)
    _be_finished(trainer)
    weights = trainer.averaged.state_dict()
    save_row(job.folder, "deblurrer", network.to_json(), weights, trainer.card(final))


_TRAIN: dict[str, Callable[[_Job], None]] = {
    "blur2blur": _train_translator,
    "broad": _train_broad,
    "direct": _train_direct,
    "supervised": _train_supervised,
    "no-gan": lambda job: _train_translator(job, adversarial=0.0),
    "wrong-known": lambda job: _train_towards(job, *WRONG_PX),
    "re-blurred": _train_re_blurred,
    "distilled": _train_distilled,
}


def _be_finished(trainer: Trainer[Any]) -> None:
    """Raises CalibrationError where a training was stopped: nothing half-trained is compared."""
    if not trainer.finished:
        raise CalibrationError("stopped; run the same command again to go on")
