"""The command ``blur2blur``, put together of its groups."""

from typing import Annotated

import typer

from stream.commands import (
    bench,
    calibrate,
    engine,
    hands,
    keys,
    live,
    profile,
    session,
    train,
    watch,
)

app = typer.Typer(
    name="blur2blur",
    help="Remove motion blur from live camera pictures.\n\n"
    "Try `blur2blur live demo --to out.mp4`, then your own camera: `blur2blur live 0`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for command in (live.live, watch.watch, live.doctor):
    app.command()(command)
for group in (calibrate, session, hands, profile, engine, train, bench, keys):
    app.add_typer(group.app, name=group.__name__.rpartition(".")[2])


def _version(wanted: bool) -> None:
    if wanted:
        from stream.statistics import program_version

        typer.echo(f"blur2blur {program_version()}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Remove motion blur from live camera pictures."""
