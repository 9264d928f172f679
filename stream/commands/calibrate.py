"""`calibrate …`"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engines.shell import shell_word
from stream.commands.common import (
    CameraRate,
    CameraSize,
    Model,
    console,
    needs_extra_train,
    parse_size,
    refuse_ignored,
)

if TYPE_CHECKING:
    from calibration.recording import CalibrationRecording
    from calibration.trainer import Trainer
    from engines.profile import Profile

app = typer.Typer(
    help="Teach Blur2Blur a camera of your own. Nothing leaves this machine.",
    no_args_is_help=True,
)


class Features(StrEnum):
    """See ``calibration.content``."""

    auto = "auto"
    vgg19 = "vgg19"
    efficientnet_lite0 = "efficientnet-lite0"


_Recording = Annotated[Path, typer.Argument(help="Folder of `calibrate record`.")]
_NewProfile = Annotated[str, typer.Option(help="Name of the profile to make.")]
_RunFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the run, RECORDING/runs/PROFILE if not given; an interrupted run there "
        "goes on.",
        show_default=False,
    ),
]


@app.callback()
def _group() -> None:
    """Teach Blur2Blur a camera of your own. Nothing leaves this machine."""


@app.command("record")
def calibrate_record(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="Folder of the recording; one that is there goes on.")],
    source: Annotated[
        str | None,
        typer.Argument(help="The camera, as for `live`: `0`, `rtsp://…`.", show_default=False),
    ] = None,
    clips: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            help="A clip of that camera instead; may be given several times, and each gives its "
            "share of the frames.",
            show_default=False,
        ),
    ] = None,
    size: CameraSize = None,
    fps: CameraRate = None,
    seconds: Annotated[
        float, typer.Option(min=1.0, help="The longest that a camera is recorded.")
    ] = 180.0,
    blurry: Annotated[int, typer.Option(min=1, help="Blurry frames wanted.")] = 300,
    sharp: Annotated[int, typer.Option(min=1, help="Sharp frames wanted.")] = 200,
) -> None:
    """Record what the camera sees, sharp and blurred.

    Hold still and move in turns, as the window says: what you usually film, in your usual light.
    Each frame, or the part of it that moves, is compared with its neighbours, and kept as sharp or
    as blurry if it is clearly one of them. `sheet.jpg` shows what was kept.

    - `blur2blur calibrate record 0 --to mycam/`
    - `blur2blur calibrate record --from monday.mp4 --from tuesday.mp4 --to mycam/`
    """
    from calibration.recording import RecordingRule
    from stream.calibrate import RecordJob, run_record

    if (source is None) == (not clips):
        raise typer.BadParameter("name either a camera or clips, each clip with its own --from")
    if clips:
        refuse_ignored(context, ["seconds", "fps"], "is about cameras; clips have their own")
    job = RecordJob(
        to=to,
        source=source,
        clips=tuple(clips or ()),
        size=parse_size(size),
        fps=fps,
        seconds=seconds,
        rule=RecordingRule(blurry=blurry, sharp=sharp),
    )
    raise typer.Exit(run_record(job, console()))


@app.command("train")
def calibrate_train(
    context: typer.Context,
    recording: _Recording,
    profile: _NewProfile,
    out: _RunFolder = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes instead of half an hour: a first impression.")
    ] = False,
    model: Annotated[Model, typer.Option(help="The deblurrer, as for `live`.")] = Model.balanced,
    deblurrer: Annotated[
        str | None,
        typer.Option(
            help="Instead of `--model`: the deblurrer of this profile, by name or folder, such as "
            "one that `profile import` made.",
            show_default=False,
        ),
    ] = None,
    crops: Annotated[
        int | None,
        typer.Option(
            min=1, help="Training crops in all: 20000, or 4000 with --quick.", show_default=False
        ),
    ] = None,
    held_out: Annotated[
        list[str] | None,
        typer.Option(help="Clip to leave out for checking, by name.", show_default=False),
    ] = None,
    blur_from: Annotated[
        list[Path] | None,
        typer.Option(
            help="Take the known blur from pairs (GoPro's or REDS's layout), for a deblurrer that "
            "was trained on them, instead of what its card tells.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        Features,
        typer.Option(
            help="What G(x) is held to x by: `vgg19` needs torchvision, which fetches its weights; "
            "`auto` takes it where torchvision is installed."
        ),
    ] = Features.auto,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Train a translator for a recorded camera, and make a profile of it.

    The translator turns the camera's own blur into the blur that the deblurrer knows, by comparing
    unpaired frames (Blur2Blur). Then: `blur2blur live 0 --profile NAME`. The page beside the
    recording tells whether it is worth it, as `calibrate report` does.
    """
    if deblurrer is not None:
        refuse_ignored(context, ["model"], "does not go with --deblurrer, which names the network")
    with needs_extra_train():
        from calibration.camera_profile import camera_profile_folder, export_camera_profile
        from calibration.job import run_translator_training
        from calibration.train_translator import TranslatorTraining
        from calibration.transferred_blur import TransferredBlur

    folder = camera_profile_folder(profile, recording)
    settings = TranslatorTraining(
        recording=recording,
        out=out or recording / "runs" / profile,
        deblurrer=deblurrer or model.value,
        crops=crops or (4_000 if quick else 20_000),
        held_out=tuple(held_out or ()),
        known=TransferredBlur.of_folders(blur_from) if blur_from else None,
        features=features.value,
        seed=seed,
    )
    trainer, final = run_translator_training(settings, console())
    conclude(
        trainer, folder, recording, lambda: export_camera_profile(folder, profile, trainer, final)
    )


@app.command("distil")
def calibrate_distil(
    recording: _Recording,
    teacher: Annotated[str, typer.Option("--from", help="Profile of `calibrate train`.")],
    profile: _NewProfile,
    out: _RunFolder = None,
    crops: Annotated[int, typer.Option(min=1, help="Training crops in all.")] = 60_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Teach one network of the deblurrer's size what translator and deblurrer do together.

    The profile then costs no more time than no profile.
    """
    with needs_extra_train():
        from calibration.camera_profile import camera_profile_folder, export_distilled_profile
        from calibration.distil import Distillation
        from calibration.job import run_distillation
        from engines.networks import read_specification
    from engines.profile import load_profile

    folder = camera_profile_folder(profile, recording, teacher)
    card = load_profile(teacher).card
    settings = Distillation(
        recording=recording,
        out=out or recording / "runs" / profile,
        teacher=teacher,
        start=teacher,
        network=read_specification(card["deblurrer"]),
        held_out=tuple(card.get("training", {}).get("held_out", ())),
        crops=crops,
        seed=seed,
    )
    trainer, final = run_distillation(settings, console())
    conclude(
        trainer,
        folder,
        recording,
        lambda: export_distilled_profile(folder, profile, trainer, final),
    )


@app.command("report")
def calibrate_report(
    recording: _Recording,
    profile: Annotated[str, typer.Option(help="The camera's profile.")],
    to: Annotated[
        Path | None,
        typer.Option(
            help="The page to write; RECORDING/PROFILE.html if not given.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of its training, for the curves; RECORDING/runs/PROFILE if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a page about a camera: its blur, what the profile makes of it, whether it helps at all.

    Pictures before and after, figures on clips that the training never saw, its curves, and what
    would help more: light, exposure. One file that opens anywhere and loads nothing.
    """
    from calibration.recording import CalibrationRecording
    from engines.files import writable_problem
    from engines.profile import load_profile
    from stream.errors import StreamError

    found = load_profile(profile)
    name = found.folder.absolute().name
    path = to or recording / f"{name}.html"
    made = CalibrationRecording.made(recording)
    if (problem := writable_problem(path)) is not None:
        raise StreamError(problem)
    _report(made, found, out or recording / "runs" / name, path)


def conclude(
    trainer: "Trainer[Any]", folder: Path, recording: Path, export: Callable[[], None]
) -> None:
    """Make the profile of a run, and tell how it is used; at the run's end, whether it helps, too.

    One that is there stays where the run was stopped before its end.
    """
    from engines.profile import CARD, load_profile

    if not trainer.fabric.is_global_zero:
        return
    if not trainer.finished and (folder / CARD).is_file():
        _tell(
            f"the profile {folder.name} stays as it was; once more with --crops "
            f"{trainer.crops_done}, what this has learned so far replaces it"
        )
        return
    export()
    _tell(f"{folder}: `blur2blur live 0 --profile {shell_word(folder.name)}`")
    if trainer.finished:
        from calibration.recording import CalibrationRecording

        made, path = CalibrationRecording.made(recording), recording / f"{folder.name}.html"
        _report(made, load_profile(str(folder)), trainer.settings.out, path)


def _report(recording: "CalibrationRecording", profile: "Profile", run: Path, path: Path) -> None:
    """Write the page about a profile, and tell what it finds."""
    with needs_extra_train():
        from calibration.camera_report import write_camera_report
    with console().status("looking at what it does"):
        helps = write_camera_report(recording, profile, run, path)
    verdict = "it helps" if helps else "it does not help, or not safely: see there why"
    _tell(f"{path}: {verdict}")


def _tell(line: str) -> None:
    console().print(line, markup=False, highlight=False)
