"""The command ``blur2blur``: its groups put together, and its errors put in one line."""

import os
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer

from calibration.errors import CalibrationError
from engines.errors import EngineError, ProfileError
from stream.commands import bench, calibrate, engine, hands, keys, live, profile, session, train
from stream.commands.common import console
from stream.errors import StreamError

app = typer.Typer(
    name="blur2blur",
    help="Remove motion blur from live camera pictures.\n\n"
    "Try `blur2blur live demo --to out.mp4`, then your own camera: `blur2blur live 0`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for command in (live.live, live.watch, live.doctor):
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


def main() -> None:
    """Run the command; what is known to go wrong ends in one line and exit status 1."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # code pages lack the bullets of --help
    try:
        _run()
    except SystemExit as end:
        if any(thread.daemon for thread in threading.enumerate()):
            # one that compiles, or hangs in a driver, would abort the process on its way back
            for file in filter(None, (sys.stdout, sys.stderr)):
                with suppress(OSError):  # nobody reads it any more
                    file.flush()
            os._exit(end.code if isinstance(end.code, int) else 0)
        raise


def _run() -> None:
    try:
        app(live.with_hands_said(sys.argv[1:]), prog_name="blur2blur")
    except (StreamError, EngineError, ProfileError, CalibrationError) as error:
        _tell(str(error))
        raise SystemExit(1) from None
    except OSError as error:  # a full disk, a folder that may not be written to, and the like
        files = [str(name) for name in (error.filename, error.filename2) if name is not None]
        _tell(": ".join([*files[:1], error.strerror or str(error)]))
        raise SystemExit(1) from None


def _tell(problem: str) -> None:
    console().print("[red]error:[/]", end=" ")
    console().print(problem, markup=False, highlight=False)


if __name__ == "__main__":
    main()
