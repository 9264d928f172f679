"""`blur2blur train`: run a training and show how it goes."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from calibration.evaluation import Evaluation
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from calibration.trainer import TrainingState


def run_deblurrer_training(settings: DeblurrerTraining, console: Console) -> int:
    """Train to the end or to Ctrl-C, with a progress bar; returns the exit status.

    Raises:
        CalibrationError: the photographs or the checkpoint cannot be used.
    """
    trainer = DeblurrerTrainer(settings)
    console.quiet = console.quiet or not trainer.fabric.is_global_zero
    console.print(
        f"{len(trainer.data.training_names)} pictures to train on, "
        f"{len(trainer.data.held_out_names)} held out; "
        f"{'going on from' if trainer.crops_done else 'starting at'} {trainer.crops_done} pairs"
    )
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  {task.fields[rate]:.0f} pairs/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=settings.crops, loss=0.0, rate=0.0)

        def report(state: TrainingState[Evaluation]) -> None:
            bar.update(task, completed=state.crops_done, loss=state.loss, rate=state.crops_per_s)
            if state.validation is not None:
                console.print(
                    f"{state.crops_done} pairs: validation {state.validation.psnr_in_db:.2f} dB -> "
                    f"{state.validation.psnr_out_db:.2f} dB ({state.validation.gain_db:+.2f})"
                )

        final = trainer.run(report)
    if trainer.crops_done + settings.batch <= settings.crops:
        console.print(f"stopped at {trainer.crops_done} pairs; run the same command to go on")
    console.print(
        f"{settings.out}: {final.psnr_in_db:.2f} dB -> {final.psnr_out_db:.2f} dB on photographs "
        f"that it never saw; `blur2blur train export {settings.out} --to DIR` makes a profile",
        markup=False,
        highlight=False,
    )
    return 0
