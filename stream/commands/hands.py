"""`hands …`"""

from pathlib import Path
from typing import Annotated

import typer

from stream.commands.common import console

app = typer.Typer(help="What hand tracking needs.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What hand tracking needs."""


@app.command("model")
def hands_model(
    to: Annotated[
        Path | None,
        typer.Option(
            help="File to make, or folder to put it in, if not the usual one.", show_default=False
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace a file that is there.")] = False,
) -> None:
    """Find the hand model, or fetch it, once; check it, and say where it is.

    It comes from Google's address, or else is put together from the package mediapipe 0.10.21,
    which pip fetches; each is said before it is done. Nothing else here fetches anything.
    """
    from engines.files import sha256_of
    from stream.hands.model import FILE_NAME, default_model, find_model, make_model

    path = to / FILE_NAME if to is not None and to.is_dir() else to or default_model()
    if again or not path.is_file():
        make_model(lambda line: console().print(line, markup=False, highlight=False), target=path)
    typer.echo(f"{find_model(path)} - SHA-256 {sha256_of(path)}")
