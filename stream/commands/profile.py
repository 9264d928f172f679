"""`profile …`"""

from pathlib import Path
from typing import Annotated

import typer

from engines.shell import shell_word
from stream.commands.common import console, needs_extra_train, output_console, refuse_ignored
from stream.errors import StreamError

app = typer.Typer(help="Weights to choose from: names for `live --profile`.", no_args_is_help=True)


@app.command("list")
def profile_list() -> None:
    """Every profile that `live --profile` knows by name."""
    from rich.markup import escape
    from rich.table import Column, Table

    from engines.errors import ProfileError
    from engines.folders import user_profiles
    from engines.profile import load_profile, profile_names

    def row(*cells: str) -> None:
        table.add_row(*map(escape, cells))

    about_column = Column("about", overflow="fold")
    table = Table("name", "whose", "translator", "deblurrer", about_column)
    for name in profile_names():
        try:
            profile = load_profile(name)
        except ProfileError as error:
            row(name, "damaged", "", "", str(error))
            continue
        own = profile.folder.parent == user_profiles()
        networks = [profile.card[part]["architecture"] for part in ("translator", "deblurrer")]
        about = str(profile.card.get("about", "")).partition(".")[0]
        row(name, "yours" if own else "shipped", *networks, about)
    output_console().print(table)


@app.command("show")
def profile_show(name: Annotated[str, typer.Argument(help="Its name, or its folder.")]) -> None:
    """The card of a profile: networks, data, recipe, figures."""
    import json

    from engines.profile import load_profile

    profile = load_profile(name)
    typer.echo(json.dumps({"folder": str(profile.folder), **profile.card}, indent=2))


@app.command("export")
def profile_export(
    name: Annotated[str, typer.Argument(help="Its name, or its folder.")],
    to: Annotated[Path, typer.Option(help="The file to write: `mycam.zip`.")],
) -> None:
    """Put a profile into one file, to keep it or to give it away."""
    from engines.files import writable_problem
    from engines.profile import load_profile
    from engines.profile_archive import export_archive

    if (problem := writable_problem(to)) is not None:
        raise StreamError(problem)
    export_archive(load_profile(name), to)
    console().print(str(to), markup=False, highlight=False)


@app.command("import")
def profile_import(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="The new profile's name; if not given, the one that it had where it was exported.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", help="What `profile export` wrote.", show_default=False),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Published weights instead: `NAFNet-GoPro-width32.pth`, `MIMO-UNet.pkl`, …",
            show_default=False,
        ),
    ] = None,
    about: Annotated[
        str, typer.Option(help="A line for the card of published weights: where from, licence.")
    ] = "",
) -> None:
    """Take a profile that somebody exported, or published NAFNet or MIMO-UNet weights.

    Files are read without executing anything in them. What does not fit is refused with a reason:
    other checksums, weights that are not finite, a network of other names or shapes, a graph that
    computes something else here.
    """
    from engines.folders import user_profiles

    if (file is None) == (weights is None):
        raise typer.BadParameter("name one file, with --from or with --weights")
    if file is not None:
        refuse_ignored(context, ["about"], "goes with --weights; an exported profile has its own")
        from engines.profile_archive import import_archive

        profile = import_archive(file, user_profiles(), name)
        name = shell_word(profile.folder.name)
        console().print(f"{profile.folder}: `live --profile {name}`", markup=False)
        return
    assert weights is not None
    if name is None:
        raise typer.BadParameter("published weights need a NAME")
    with needs_extra_train():
        from calibration.import_weights import import_weights
    from engines.profile import new_profile_folder

    folder = new_profile_folder(name)
    spec = import_weights(weights, folder, name=name, about=about)
    console().print(f"{folder}: {spec}", markup=False, highlight=False)
