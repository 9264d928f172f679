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
            help="File to make (.task), or folder to put it in, if not the usual one.",
            show_default=False,
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace a file that is there.")] = False,
) -> None:
    """Find the hand model, or fetch it, once; check it, and say where it is.

    It comes from Google's address, or else is put together from the package mediapipe 0.10.21,
    which pip fetches; each is said before it is done. Nothing else here fetches anything.
    """
    from engines.files import sha256_of
    from stream.hands.model import find_model, make_model, model_at

    path = model_at(to)
    if again or not path.is_file():
        make_model(lambda line: console().print(line, markup=False, highlight=False), target=path)
    typer.echo(f"{find_model(None if to is None else path)} - SHA-256 {sha256_of(path)}")
