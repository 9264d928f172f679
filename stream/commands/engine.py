"""`engine …`"""

from typing import TYPE_CHECKING, Annotated

import typer

from stream.commands.common import (
    Backend,
    Model,
    PrecisionOption,
    chosen_profile,
    console,
    known_size,
    output_console,
)

if TYPE_CHECKING:
    from engines.cache import KeptEngine

_SHOWN_NAME = 20

app = typer.Typer(
    help="Compiled engines: build them beforehand, see what is kept, remove it.",
    no_args_is_help=True,
)


@app.command("build")
def engine_build(
    context: typer.Context,
    size: Annotated[str, typer.Option(metavar="WxH", help="Frame size.")] = "640x480",
    batch: Annotated[
        int, typer.Option(min=1, max=64, help="Most frames at once: the number of cameras.")
    ] = 1,
    model: Annotated[Model, typer.Option(help="As for `live`.")] = Model.balanced,
    profile: Annotated[str | None, typer.Option(help="As for `live`.", show_default=False)] = None,
    backend: Annotated[Backend, typer.Option(help="As for `live`.")] = Backend.auto,
    precision: Annotated[PrecisionOption, typer.Option(help="As for `live`.")] = (
        PrecisionOption.auto
    ),
) -> None:
    """Build the engine that `live` would use, check it against fp32, and keep it.

    TensorRT takes minutes for an engine; `live` with the same size, cameras and profile then begins
    at once. Exit status 1 where no engine passes.
    """
    import time

    from engines.engine import EngineShape
    from engines.folders import engine_cache
    from engines.profile import load_profile
    from engines.selection import choose_engine

    def say(line: str) -> None:
        console().print(line, markup=False, highlight=False)

    wanted = known_size(size)
    start = time.monotonic()
    chosen = choose_engine(
        load_profile(chosen_profile(context, model, profile)),
        EngineShape(height=wanted.height, width=wanted.width, max_batch=batch),
        backend=backend.value,
        precision=precision.value,
        cache=engine_cache(),
        say=say,
    )
    facts = chosen.engine.facts
    say(
        f"{chosen.candidate} on {facts.device}, {facts.shape}, profile {facts.profile}: "
        f"{chosen.self_check_psnr_db:.1f} dB from fp32, ready in {time.monotonic() - start:.1f} s"
    )


@app.command("list")
def engine_list() -> None:
    """What is kept: for which profile, size, device and versions, how large, since when."""
    from rich.markup import escape
    from rich.table import Column, Table

    from engines.cache import kept_engines
    from engines.folders import engine_cache

    engines = kept_engines(engine_cache())
    table = Table(
        Column("engine", no_wrap=True, min_width=_SHOWN_NAME),
        Column("profile and size", overflow="fold"),
        Column("device and versions", overflow="fold"),
        Column("MB", no_wrap=True),
        Column("built", min_width=len("2026-01-01")),
    )
    for engine in engines:
        table.add_row(*map(escape, _facts(engine)))
    console().print(f"{len(engines)} kept in {engine_cache()}", markup=False, highlight=False)
    if engines:
        output_console().print(table)


def _facts(engine: "KeptEngine") -> list[str]:
    """Its name, profile and size, device and versions, megabytes, and when it was built."""
    card, name = engine.card, engine.name[:_SHOWN_NAME]
    key = card.get("key")
    if not key:
        return [name, "damaged"]
    size = f"{key.get('width')}x{key.get('height')}, batch {key.get('batch')}"
    version = key.get("version", "")
    versions = version if isinstance(version, dict) else {key.get("backend"): version}
    return [
        name,
        f"{key.get('profile')}, {size}, {key.get('precision')}",
        ", ".join(
            [str(key.get("device")), *(f"{k} {v.split('-')[0]}" for k, v in versions.items())]
        ),
        f"{card.get('bytes', 0) / 1e6:.1f}",
        f"{str(card.get('built')).partition('T')[0]} in {card.get('build_s', 0):.1f} s",
    ]


@app.command("remove")
def engine_remove(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Engines, by name or the beginning of it (`blur2blur engine list`).",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything that is kept, references too.")
    ] = False,
) -> None:
    """Remove kept engines; they are built again when they are needed."""
    from engines.cache import clear, kept_engines, remove
    from engines.folders import engine_cache
    from stream.errors import StreamError

    if bool(names) == everything:
        raise typer.BadParameter("name engines, or say --all")
    folder = engine_cache()
    if not names:
        count = clear(folder)
        console().print(f"{count} removed from {folder}", markup=False, highlight=False)
        return
    kept = kept_engines(folder)
    for name in names:
        meant = [engine for engine in kept if engine.name.startswith(name)]
        if len(meant) != 1:
            found = "no engine" if not meant else f"{len(meant)} engines"
            raise StreamError(f"{found} of a name that begins with {name!r}; see engine list")
        remove(meant[0])
        console().print(f"{meant[0].name} removed", markup=False, highlight=False)
