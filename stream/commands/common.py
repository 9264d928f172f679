"""What several commands take and do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, cast

import typer
from rich.console import Console

from stream.commands.standard_error import StandardError
from stream.errors import StreamError

if TYPE_CHECKING:
    from stream.capture.source import Size


class Backend(StrEnum):
    auto = "auto"
    tensorrt = "tensorrt"
    openvino = "openvino"
    torch = "torch"


class PrecisionOption(StrEnum):
    auto = "auto"
    f32 = "f32"
    bf16 = "bf16"
    f16 = "f16"
    i8 = "i8"


class Deblur(StrEnum):
    auto = "auto"
    on = "on"
    off = "off"


class Model(StrEnum):
    """The shipped networks, by what they cost and give."""

    fast = "fast"
    balanced = "balanced"
    quality = "quality"


HandModelFile = Annotated[
    Path | None,
    typer.Option(help="File of the hand model, if not the usual one.", show_default=False),
]
CameraSize = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Asked of a camera, as for `live`.", show_default=False),
]
CameraRate = Annotated[
    float | None, typer.Option(min=1.0, help="Asked of a camera.", show_default=False)
]


def refuse_ignored(context: typer.Context, options: Sequence[str], why: str) -> None:
    """To be called where these options, by their names in Python, mean nothing.

    What a configuration file says of them is for other runs.

    Raises:
        StreamError: one was given on the command line all the same.
    """
    for option in options:
        if _was_said(context, option):
            raise StreamError(f"--{option.replace('_', '-')} {why}")


def chosen_profile(context: typer.Context, model: Model, profile: str | None) -> str:
    """The profile by ``--profile``, or else the shipped one by ``--model``; one that is given on
    the command line counts more than the other in a configuration file.

    Raises:
        StreamError: both were given on the command line.
    """
    if _was_said(context, "profile"):
        refuse_ignored(context, ["model"], "does not go with --profile, which brings its network")
    elif _was_said(context, "model"):
        return model.value
    return profile or model.value


def _was_said(context: typer.Context, option: str) -> bool:
    """Whether it was given on the command line."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def console() -> Console:
    """For what is told, on standard error. A name like ``S:x:`` stays as it is, no emoji in it."""
    return Console(file=cast(TextIO, StandardError()), soft_wrap=True, emoji=False)


def output_console() -> Console:
    """For tables that were asked for, on standard output; no emoji, either."""
    return Console(emoji=False)


def parse_size(text: str | None) -> "Size | None":
    return None if text is None else known_size(text)


def known_size(text: str) -> "Size":
    from stream.capture.source import Size

    try:
        return Size.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@contextmanager
def needs_extra_train() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise StreamError(
            f"this needs {error.name}: install the extra, pip install 'blur2blur-live[train]'"
        ) from None
