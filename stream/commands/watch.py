"""``watch``: what a publisher publishes, in a window."""

from typing import Annotated

import typer

from engines.shell import shell_word
from stream.commands.common import console
from stream.errors import StreamError
from stream.uri import scheme_of, without_credentials


def published_at(address: str) -> str:
    """An address to watch as a source has it: ``tcp://`` and ``zmq+`` may be left out.

    Raises:
        StreamError: it is not one of a publisher.
    """
    whole = address if "://" in address else f"tcp://{address}"
    scheme = scheme_of(whole).removeprefix("zmq+")
    plain = scheme + whole[whole.index("://") :]
    if scheme not in ("tcp", "ipc"):
        shown = without_credentials(plain)
        raise StreamError(
            f"watch shows what a publisher publishes (tcp://… or ipc://…), and {shown} is none; "
            f"for that use `blur2blur live {shell_word(shown)} --deblur off`"
        )
    return f"zmq+{plain}"


def watch(
    address: Annotated[
        str,
        typer.Argument(
            help="Of a publisher: `tcp://127.0.0.1:5555`, `ipc:///tmp/camera`; with several "
            "cameras `tcp://127.0.0.1:5555?source=NAME`."
        ),
    ],
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="End after this long.", show_default=False)
    ] = None,
) -> None:
    """Show what a publisher publishes, with rate, age and losses."""
    from stream.live import LiveJob, run_live

    job = LiveJob(sources=(published_at(address),), deblur="off", seconds=seconds)
    raise typer.Exit(run_live(job, console()))
