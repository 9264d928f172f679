"""`bench …`"""

from pathlib import Path
from typing import Annotated

import typer

from stream.commands.bench_engine import bench_engine
from stream.commands.common import (
    HandModelFile,
    Model,
    chosen_profile,
    console,
    known_size,
    needs_extra_train,
    refuse_ignored,
)
from stream.errors import StreamError

app = typer.Typer(help="Measure this machine: honest figures, in one file.", no_args_is_help=True)


app.command("engine")(bench_engine)


@app.command("latency")
def bench_latency(
    context: typer.Context,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the figures to this file, and a table beside it (.md)."),
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the ages to this picture.")] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Compare with this stored run; fails where ages are half as much again."),
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Frame size.")] = "640x480",
    seconds: Annotated[float, typer.Option(min=4.0, help="Of each scenario.")] = 10.0,
    model: Annotated[Model, typer.Option(help="As for `live`.")] = Model.balanced,
    profile: Annotated[str | None, typer.Option(help="As for `live`.", show_default=False)] = None,
) -> None:
    """How old is the picture, at every load that a camera can bring.

    Under, at and over what the engine can do; a camera that stalls; a slow subscriber; a publisher
    that goes and returns; four cameras. Sources keep their own clock, so nothing hides. Sensor and
    display are not included.
    """
    from benchmarks.latency import LatencyBenchmark, run_latency_benchmark

    if chart is not None:
        with needs_extra_train():
            import matplotlib  # noqa: F401  (missed now rather than after minutes)
    benchmark = LatencyBenchmark(
        seconds=seconds, size=known_size(size), profile=chosen_profile(context, model, profile)
    )
    status = run_latency_benchmark(
        benchmark, json_file=json_file, chart=chart, check=check, console=console()
    )
    raise typer.Exit(status)


@app.command("publish")
def bench_publish(
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="Of each run.")] = 20.0,
    work_ms: Annotated[
        float, typer.Option(min=0.0, help="What the slow subscriber does with each frame.")
    ] = 60.0,
) -> None:
    """A slow and a fast subscriber: how old are the frames, ours beside imagezmq's and NetGear's.

    The same 720p frames at 30 a second, raw, each publisher at its documented settings, PUB/SUB and
    REQ/REP. Needs the extra `bench`.
    """
    from benchmarks.publish import PublishBenchmark, run_publish_benchmark

    benchmark = PublishBenchmark(seconds=seconds, work_ms=work_ms)
    raise typer.Exit(run_publish_benchmark(benchmark, json_file, console()))


@app.command("quality")
def bench_quality(
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of sharp photographs; those that a network was trained on are left out. "
            "May be given several times. Otherwise photographs that come with scikit-image.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure this profile, by name or folder, as for `live`; may be given several "
            "times. Otherwise the sizes that ship and the networks that they are compared with.",
            show_default=False,
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet to this picture.")
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(help="Draw the gains over the engines' times to this picture."),
    ] = None,
    known: Annotated[int, typer.Option(min=3, help="Pictures with camera shake.")] = 48,
    moving: Annotated[int, typer.Option(min=1, help="Pictures with a moving object.")] = 24,
    sharp: Annotated[int, typer.Option(min=1, help="Sharp pictures.")] = 24,
    gate: Annotated[
        int, typer.Option(min=1, help="Pictures of each kind that `--deblur auto` decides on.")
    ] = 80,
) -> None:
    """How good the pictures are, beside an unsharp mask and Wiener's filter (which is told the
    kernel).

    Seeded blur over photographs that no network was trained on: PSNR, PSNR with a shift allowed,
    SSIM, GMSD and a feature distance, because each of them alone misleads; what happens to a still
    background behind a moving object, and to sharp pictures; what networks that look for motion
    would do if they were told it. Nothing is downloaded.
    """
    with needs_extra_train():
        from benchmarks.quality import QualityBenchmark, run_quality_benchmark
    benchmark = QualityBenchmark(
        data=tuple(data or ()),
        profiles=tuple(profile or ()),
        known=known,
        moving=moving,
        sharp=sharp,
        gate=gate,
    )
    status = run_quality_benchmark(
        benchmark, console(), json_file=json_file, sheet=sheet, chart=chart
    )
    raise typer.Exit(status)


@app.command("blur2blur")
def bench_blur2blur(
    context: typer.Context,
    data: Annotated[
        list[Path],
        typer.Option(help="Folder of sharp photographs; may be given several times."),
    ],
    rows: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the trained rows: those in benchmarks/rows, or with --train, which "
            "keeps its runs there too, runs/blur2blur.",
            show_default=False,
        ),
    ] = None,
    train: Annotated[
        bool,
        typer.Option("--train", help="First train what is not there: hours, and it goes on."),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="With --train: this row, and measure nothing yet.", show_default=False),
    ] = None,
    crops: Annotated[
        int, typer.Option(min=1, help="With --train: training crops of each row.")
    ] = 4_000,
    frames: Annotated[
        int, typer.Option(min=10, help="With --train: frames of each camera's recording.")
    ] = 600,
    pictures: Annotated[int, typer.Option(min=2, help="Test pictures of each camera.")] = 48,
    profile: Annotated[
        str | None,
        typer.Option(
            help="The deblurrer, as for `live`; that of the repository's rows, or `balanced`.",
            show_default=False,
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet to this picture.")
    ] = None,
) -> None:
    """Does a translator for one's own camera help, and more than what is simpler than it?

    Two cameras with blur that the deblurrer does not know, made of photographs, so that the truth
    is known; the method beside a perfect translator, a supervised bound, and controls: without the
    adversarial loss, towards the wrong blur, deblurring twice, and others. Gains are paired, with
    intervals over scenes.
    """
    if not train:
        refuse_ignored(context, ["only", "crops", "frames"], "goes with --train; give that, too")
    with needs_extra_train():
        from benchmarks.blur2blur import ProtocolBenchmark, files_problem, run_protocol_benchmark
        from benchmarks.blur2blur_rows import ROWS_DEBLURRER, TRAINED_ROWS
        from benchmarks.blur2blur_training import ProtocolTraining, train_protocol
    if (problem := files_problem(json_file, sheet)) is not None:
        raise StreamError(problem)
    rows = rows or (Path("runs/blur2blur") if train else TRAINED_ROWS)
    shipped = rows.resolve() == TRAINED_ROWS.resolve()
    if shipped and not TRAINED_ROWS.is_dir():
        raise StreamError(
            "the trained rows come with a checkout only: install one with pip install -e, or make "
            "rows of your own with --train"
        )
    deblurrer = profile or (str(ROWS_DEBLURRER) if shipped else Model.balanced.value)
    if train:
        training = ProtocolTraining(
            data=tuple(data),
            to=rows,
            deblurrer=deblurrer,
            frames=frames,
            crops=crops,
            rows=tuple(only or ()),
        )
        train_protocol(training, console())
        if only:
            return
    benchmark = ProtocolBenchmark(
        data=tuple(data), rows=rows, deblurrer=deblurrer, pictures=pictures
    )
    raise typer.Exit(run_protocol_benchmark(benchmark, json_file, sheet, console()))


@app.command("hands")
def bench_hands(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Folder of clips that show hands.")],
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the figures to this file, and a table beside it (.md)."),
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw PCK over blur to this picture.")] = None,
    model: Annotated[Model, typer.Option(help="As for `live`.")] = Model.quality,
    profile: Annotated[str | None, typer.Option(help="As for `live`.", show_default=False)] = None,
    hand_model: HandModelFile = None,
) -> None:
    """Does deblurring help the hand tracker, and does it ever harm it?

    Frames with a still hand, blurred by parts of its palm: what the tracker finds raw, deblurred,
    with its thresholds lowered, and with a filter that is told the blur. Then the clips themselves:
    frames with a hand, raw and deblurred.
    """
    with needs_extra_train():
        from benchmarks.hands import HandsBenchmark, run_hands_benchmark
    benchmark = HandsBenchmark(
        data=data, profile=chosen_profile(context, model, profile), hand_model=hand_model
    )
    raise typer.Exit(run_hands_benchmark(benchmark, json_file, chart, console()))
