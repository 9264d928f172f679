"""`bench engine`"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from stream.commands.common import (
    Model,
    PrecisionOption,
    chosen_profile,
    console,
    known_size,
    refuse_ignored,
)

if TYPE_CHECKING:
    from engines.selection import BackendChoice


class EachBackend(StrEnum):
    each = "each"
    tensorrt = "tensorrt"
    openvino = "openvino"
    torch = "torch"


def bench_engine(
    context: typer.Context,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Frame size.")] = "640x480",
    precision: Annotated[PrecisionOption, typer.Option(help="As for `live`.")] = (
        PrecisionOption.auto
    ),
    model: Annotated[Model, typer.Option(help="As for `live`.")] = Model.balanced,
    profile: Annotated[str | None, typer.Option(help="As for `live`.", show_default=False)] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions; medians are reported.")] = 5,
    frames: Annotated[int, typer.Option(min=10, help="Frames a repetition.")] = 200,
    backend: Annotated[
        EachBackend | None,
        typer.Option(
            help="Instead: this backend, or `each` that is here, by precision, size and batch.",
            show_default=False,
        ),
    ] = None,
    sizes: Annotated[
        str, typer.Option(metavar="WxH,…", help="With --backend: frame sizes.")
    ] = "640x480,1280x720,1920x1080",
    batches: Annotated[
        str, typer.Option(metavar="N,…", help="With --backend: frames at once.")
    ] = "1,2,4,8,16",
) -> None:
    """Bare engine time, and how much of its rate the whole pipeline keeps.

    In one run, in turns: the engine alone in a loop, the pipeline over the synthetic source without
    a clock, and the pipeline over an H.264 file whose decoding shares the cores.

    With `--backend each` every engine that is here instead, from VGA to 1080p and from one frame to
    sixteen; on a GPU the copies up and down are told from the computation.
    """
    chosen = chosen_profile(context, model, profile)
    if backend is not None:
        alone = ["size", "rounds", "frames"]
        refuse_ignored(context, alone, "does not go with --backend, but --sizes and --batches do")
        from benchmarks.engine_matrix import EngineMatrix, run_engine_matrix

        matrix = EngineMatrix(
            backend="auto" if backend is EachBackend.each else cast("BackendChoice", backend.value),
            precision=precision.value,
            sizes=tuple(known_size(text) for text in sizes.split(",")),
            batches=_counts(batches),
        )
        raise typer.Exit(run_engine_matrix(matrix, chosen, json_file, console()))
    refuse_ignored(context, ["sizes", "batches"], "goes with --backend; give that, too")
    from benchmarks.engine import EngineBenchmark, run_engine_benchmark

    wanted = known_size(size)
    benchmark = EngineBenchmark(
        size=wanted,
        precision=precision.value,
        profile=chosen,
        rounds=rounds,
        frames=frames,
    )
    raise typer.Exit(run_engine_benchmark(benchmark, json_file, console()))


def _counts(text: str) -> tuple[int, ...]:
    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        counts = ()
    if not counts or min(counts) < 1:
        raise typer.BadParameter(f"{text!r} is not a list of whole numbers such as 1,4,16")
    return counts
