"""`blur2blur train` and `calibrate train`: run a training and show how it goes."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from calibration.distil import Distillation, DistillationTrainer
from calibration.evaluation import Evaluation
from calibration.paired_folders import PairedCrops
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from calibration.train_translator import (
    TranslatorTrainer,
    TranslatorTraining,
    TranslatorValidation,
)
from calibration.trainer import Trainer
from calibration.training_run import TrainingState, Validation
from engines.shell import shell_word

_STAGE = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)


def run_deblurrer_training(
    settings: DeblurrerTraining, console: Console
) -> tuple[DeblurrerTrainer, Evaluation]:
    """Train to the end or to Ctrl-C, with a progress bar; the trainer, and what it reached.

    Raises:
        CalibrationError: the photographs or the checkpoint cannot be used.
    """
    with Progress(*_STAGE, console=console, transient=True) as stages:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = stages.add_task(what, total=of)
            stages.update(tasks[what], completed=done)

        trainer = DeblurrerTrainer(settings, report)
    _quiet_but_for_one(trainer, console)
    what = "scenes" if isinstance(trainer.data.training, PairedCrops) else "pictures"
    console.print(
        f"{len(trainer.data.training_names)} {what} to train on, "
        f"{len(trainer.data.held_out_names)} held out; {_beginning(trainer)}"
    )
    final = _show(trainer, _describe_restoration, console)
    console.print(
        f"{settings.out}: {final.psnr_in_db:.2f} dB -> {final.psnr_out_db:.2f} dB on photographs "
        f"that it never saw; `blur2blur train export {shell_word(settings.out)} --to DIR` makes a "
        "profile",
        markup=False,
        highlight=False,
    )
    return trainer, final


def run_translator_training(
    settings: TranslatorTraining, console: Console
) -> tuple[TranslatorTrainer, TranslatorValidation]:
    """Train to the end or to Ctrl-C, with a progress bar; the trainer, and what it reached.

    Raises:
        CalibrationError: the recording or the checkpoint cannot be used.
    """
    trainer = TranslatorTrainer(settings, lambda line: console.print(line, markup=False))
    _quiet_but_for_one(trainer, console)
    console.print(f"held out: {', '.join(sorted(trainer.held_out)) or 'nothing'}; ", end="")
    console.print(_beginning(trainer))

    def describe(validation: TranslatorValidation) -> str:
        return (
            f"G changes {255 * validation.change:.2f} steps, the discriminator is right in "
            f"{100 * validation.told_apart:.0f} %, detail after deblurring "
            f"{100 * (validation.detail - 1):+.0f} %"
        )

    return trainer, _show(trainer, describe, console)


def run_distillation(
    settings: Distillation, console: Console
) -> tuple[DistillationTrainer, Evaluation]:
    """Train to the end or to Ctrl-C, with a progress bar; the trainer, and what it reached.

    Raises:
        CalibrationError: the recording, the teacher or the checkpoint cannot be used.
    """
    trainer = DistillationTrainer(settings)
    _quiet_but_for_one(trainer, console)
    console.print(f"to the teacher, on what is held out; {_beginning(trainer)}")
    return trainer, _show(trainer, _describe_restoration, console)


def _describe_restoration(validation: Evaluation) -> str:
    return (
        f"{validation.psnr_in_db:.2f} dB -> {validation.psnr_out_db:.2f} dB "
        f"({validation.gain_db:+.2f})"
    )


def _quiet_but_for_one(trainer: Trainer[Validation], console: Console) -> None:
    console.quiet = console.quiet or not trainer.fabric.is_global_zero


def _beginning(trainer: Trainer[Validation]) -> str:
    if trainer.finished:
        return f"finished before, after {trainer.crops_done} crops: nothing to learn"
    if trainer.crops_done:
        return f"going on from {trainer.crops_done} crops"
    return "starting"


def _show(
    trainer: Trainer[Validation], describe: Callable[[Validation], str], console: Console
) -> Validation:
    """Run it under a progress bar, with a line a validation."""
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  {task.fields[rate]:.0f} crops/s"),
        TimeRemainingColumn(),
    )
    crops = trainer.settings.crops
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=crops, completed=trainer.crops_done, loss=0.0, rate=0.0)

        def report(state: TrainingState[Validation]) -> None:
            bar.update(
                task,
                completed=state.crops_done,
                total=state.crops,
                loss=state.loss,
                rate=state.crops_per_s,
            )
            if state.validation is not None:
                console.print(f"{state.crops_done} crops: {describe(state.validation)}")

        final = trainer.run(report)
    if not trainer.finished:
        console.print(f"stopped at {trainer.crops_done} crops; run the same command to go on")
    return final
