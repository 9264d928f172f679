"""`train …`"""

from pathlib import Path
from typing import Annotated

import typer

from engines.profile import LEFT_BELOW
from stream.commands.common import console, needs_extra_train
from stream.commands.train_deblurrer import train_deblurrer
from stream.errors import StreamError

app = typer.Typer(help="Train networks (needs the extra `train`).", no_args_is_help=True)
app.command("deblurrer")(train_deblurrer)


@app.command("blur-sheet")
def train_blur_sheet(
    data: Annotated[list[Path], typer.Option(help="Folder of sharp photographs.")],
    to: Annotated[Path, typer.Option(help="The picture to write.")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Draw what networks are trained on: kernels, shaken pictures, moving objects, their truths."""
    with needs_extra_train():
        from calibration.blur_sheet import write_blur_sheet
        from calibration.contact_sheet import picture_problem

    if (problem := picture_problem(to)) is not None:
        raise StreamError(problem)
    write_blur_sheet(to, data, seed)


@app.command("export")
def train_export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    to: Annotated[Path, typer.Option(help="Folder of the profile; it is made or replaced.")],
    name: Annotated[
        str | None,
        typer.Option(help="The profile's name; the folder's if not given.", show_default=False),
    ] = None,
    about: Annotated[
        str, typer.Option(help="A line for the card: data, licences, what to expect.")
    ] = "",
    quality: Annotated[
        Path | None,
        typer.Option(
            help="Put the figures of this file into the card (`bench quality --json FILE`).",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.95,
            help="Share of the weights that the run began with (--from). What it learned of "
            "something new and what it forgot over that are nearly both had, between the two.",
        ),
    ] = 0.0,
    left_below: Annotated[
        float | None,
        typer.Option(
            min=0.05,
            max=8.0,
            help="What it would change by less than this, in steps of 8 bit, is left as it is: "
            "less mends what moved slowly, more keeps what is still and noisy. If not given, as "
            f"in the profile that the run began with (--from), else {LEFT_BELOW:g}.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a profile of a training run: weights, exported graph and card.

    `blur2blur live 0 --profile DIR` then uses it.
    """
    with needs_extra_train():
        from calibration.export_run import export_run
    status = export_run(
        run, to, name or to.name, about, quality, console(), keep=keep, left_below=left_below
    )
    raise typer.Exit(status)


@app.command("prune")
def train_prune(
    profile: Annotated[str, typer.Argument(help="A profile, by name or folder.")],
    data: Annotated[
        list[Path],
        typer.Option(help="Folder of sharp photographs; may be given several times."),
    ],
    to: Annotated[Path, typer.Option(help="Folder of the pruned profile; it is made or replaced.")],
    name: Annotated[
        str | None,
        typer.Option(help="The profile's name; the folder's if not given.", show_default=False),
    ] = None,
    pictures: Annotated[
        int, typer.Option(min=10, help="How many pictures are made of them and looked at.")
    ] = 400,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Leave out what never speaks in a deblurrer: it gets quicker, and does what it did.

    Channels within its blocks whose ReLU is zero on 98 of 100 pictures are computed no more. They
    keep their places in the weights, so that `train deblurrer --from` goes on from them as before.
    """
    with needs_extra_train():
        from calibration.pruning import prune_profile
    prune_profile(profile, data, to, name or to.name, pictures, seed, console())
