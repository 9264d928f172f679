"""The command ``blur2blur``. Commands import what they need when they run: help is quick."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from calibration.errors import CalibrationError
from engines.errors import EngineError, ProfileError
from stream.errors import StreamError

if TYPE_CHECKING:
    from stream.capture.source import Size

app = typer.Typer(
    name="blur2blur",
    help="Remove motion blur from live camera pictures.\n\n"
    "Try `blur2blur live demo --to out.mp4`, then your own camera: `blur2blur live 0`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
bench = typer.Typer(help="Measure this machine: honest figures, in one file.", no_args_is_help=True)
train = typer.Typer(help="Train networks (needs the extra `train`).", no_args_is_help=True)
app.add_typer(bench, name="bench")
app.add_typer(train, name="train")
profile_commands = typer.Typer(
    help="Weights to choose from: names for `live --profile`.", no_args_is_help=True
)
app.add_typer(profile_commands, name="profile")


class Backend(StrEnum):
    auto = "auto"
    openvino = "openvino"
    torch = "torch"


class PrecisionOption(StrEnum):
    auto = "auto"
    f32 = "f32"
    bf16 = "bf16"
    f16 = "f16"


class Model(StrEnum):
    """The shipped networks, by what they cost."""

    fast = "fast"
    balanced = "balanced"
    quality = "quality"


class TruthOrigin(StrEnum):
    mid_exposure = "mid-exposure"
    centroid = "centroid"


class Deblur(StrEnum):
    auto = "auto"
    on = "on"
    off = "off"


def _console() -> Console:
    return Console(stderr=True, soft_wrap=True)


def _size(text: str | None) -> "Size | None":
    from stream.capture.source import Size

    if text is None:
        return None
    try:
        return Size.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _take_config(context: typer.Context, path: Path | None) -> Path | None:
    """What the file says becomes what the options are if they are not given."""
    if path is not None:
        from stream.config import read_config

        parameters = {p.name: p for p in context.command.params if p.name not in (None, "config")}
        names = {str(name) for name in parameters}
        values = read_config(path, names)
        for name, value in values.items():
            if parameters[name].multiple or parameters[name].nargs == -1:
                values[name] = value if isinstance(value, list) else [value]
        context.default_map = {**(context.default_map or {}), **values}
    return path


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


@app.command()
def live(
    source: Annotated[
        list[str],
        typer.Argument(
            help="Where frames come from: a camera (`0`, `camera:0`, `/dev/video0`), a file "
            "(`clip.mp4`), a stream (`rtsp://…`, `http://…/video.mjpeg` of a phone's IP-camera "
            "app), `zmq+tcp://…` (a publisher), `demo`, or `synthetic:640x480@30`. Several share "
            "one engine.",
            show_default=False,
        ),
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="Where frames go: `window` (the default), `out.mp4`, `out.mkv`, "
            "`zmq+tcp://127.0.0.1:5555` (other programs subscribe), `null`. "
            "May be given several times.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Model,
        typer.Option(
            help="Shipped network: `balanced` for live pictures, `fast` for slow machines and many "
            "cameras, `quality` for files. Only `balanced` has weights so far."
        ),
    ] = Model.balanced,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Camera profile instead: a name, or a profile's folder.", show_default=False
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Asked of a camera (640x480 if not given); files and streams are scaled to it.",
            show_default=False,
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=1.0, help="Asked of a camera (30 if not given).", show_default=False),
    ] = None,
    backend: Annotated[
        Backend, typer.Option(help="What runs the network; `auto` takes the first that works.")
    ] = Backend.auto,
    precision: Annotated[
        PrecisionOption,
        typer.Option(help="Arithmetic of the network; `auto` takes the fastest that is exact."),
    ] = PrecisionOption.auto,
    deblur: Annotated[
        Deblur,
        typer.Option(help="`auto` leaves sharp frames as they are; `on` and `off` force it."),
    ] = Deblur.auto,
    realtime: Annotated[
        bool | None,
        typer.Option(
            "--realtime/--every-frame",
            help="Play files at their own rate like a live camera, newest frame first; or take "
            "every frame. The default is every frame, unless a window is the only output.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.0, help="End after this long.", show_default=False),
    ] = None,
    stats: Annotated[
        Path | None,
        typer.Option(help="Write statistics of the run to this JSON file.", show_default=False),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            callback=_take_config,
            is_eager=True,
            help='TOML file with any of these (`source = ["0"]`, `to = ["window"]`, …); what is '
            "given on the command line counts more.",
            show_default=False,
        ),
    ] = None,
    batch_wait_ms: Annotated[
        float,
        typer.Option(
            min=0.0, max=100.0, help="Several cameras: wait so long for frames to share a batch."
        ),
    ] = 0.0,
    log: Annotated[
        Path | None,
        typer.Option(
            help="Append what happens to this file, a JSON object a line; `-` is standard error.",
            show_default=False,
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve Prometheus metrics there (`127.0.0.1:9100`), and /healthz.",
            show_default=False,
        ),
    ] = None,
    insecure_bind: Annotated[
        bool,
        typer.Option(
            "--insecure-bind",
            help="Publish, or serve metrics, to other machines without keys: anybody may watch.",
        ),
    ] = False,
) -> None:
    """Deblur frames from SOURCE while they come.

    - `blur2blur live 0` - your webcam, in a window: the mouse moves the line between before and
      after, `h` shows the keys
    - `blur2blur live demo --to out.mp4` - the clip that comes with the program, recorded
    - `blur2blur live http://192.168.1.5:8080/video --to window --to phone.mkv` - a phone, watched
      and recorded
    - `blur2blur live clip.mp4 --realtime --to null --stats s.json` - how would it do live?

    Ctrl-C ends it; recordings are closed properly, and play even if the program is killed.
    """
    from stream.live import LiveJob, run_live

    job = LiveJob(
        sources=tuple(source),
        outputs=tuple(to or ()),
        profile=profile or model.value,
        size=_size(size),
        fps=fps,
        backend=backend.value,
        precision=precision.value,
        deblur=deblur.value,
        realtime=realtime,
        seconds=seconds,
        stats=stats,
        insecure_bind=insecure_bind,
        batch_wait_ms=batch_wait_ms,
        metrics=metrics,
        log=log,
    )
    raise typer.Exit(run_live(job, _console()))


@app.command()
def doctor() -> None:
    """Look at this machine: what would run here, what is missing, how to get it."""
    from stream.doctor import examine, show

    raise typer.Exit(show(examine(), Console()))


keys = typer.Typer(help="Keys for publishing to other machines.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command("new")
def keys_new(
    name: Annotated[str, typer.Argument(help="A word: `studio`, `laptop`.")],
    to: Annotated[
        Path | None, typer.Option(help="Folder; the user's own if not given.", show_default=False)
    ] = None,
) -> None:
    """Make a pair of CURVE keys: NAME.key to give away, NAME.key_secret to keep.

    The publisher: `live 0 --to "zmq+tcp://0.0.0.0:5555?key=studio"`, with the subscribers' .key
    files in the folder `authorised` beside its own. A subscriber:
    `watch "tcp://studio:5555?key=laptop&server=studio.key"`.
    """
    from stream.keys import AUTHORISED, new_key

    public = new_key(name, to)
    typer.echo(f"{public} - give it away")
    typer.echo(f"{public.with_suffix('.key_secret')} - keep it to yourself")
    typer.echo(f"{public.parent / AUTHORISED} - put the .key files of subscribers here")


@app.command()
def watch(
    address: Annotated[
        str,
        typer.Argument(help="Of a publisher: `tcp://127.0.0.1:5555`, `ipc:///tmp/camera`."),
    ],
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="End after this long.", show_default=False)
    ] = None,
) -> None:
    """Show what a publisher publishes, with rate, age and losses."""
    from stream.live import LiveJob, run_live

    source = address if address.startswith("zmq+") else f"zmq+{address}"
    job = LiveJob(sources=(source,), deblur="off", seconds=seconds)
    raise typer.Exit(run_live(job, _console()))


@bench.command("engine")
def bench_engine(
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
) -> None:
    """Bare engine time, and how much of its rate the whole pipeline keeps.

    In one run, in turns: the engine alone in a loop, the pipeline over the synthetic source without
    a clock, and the pipeline over an H.264 file whose decoding shares the cores.
    """
    from benchmarks.engine import EngineBenchmark, run_engine_benchmark

    wanted = _size(size)
    assert wanted is not None
    benchmark = EngineBenchmark(
        size=wanted,
        precision=precision.value,
        profile=profile or model.value,
        rounds=rounds,
        frames=frames,
    )
    raise typer.Exit(run_engine_benchmark(benchmark, json_file, _console()))


@bench.command("latency")
def bench_latency(
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the figures to this file, and a table beside it (.md)."),
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the ages to this picture.")] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Compare with this stored run; fails where ages are half as much again."),
    ] = None,
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

    benchmark = LatencyBenchmark(seconds=seconds, profile=profile or model.value)
    status = run_latency_benchmark(
        benchmark, json_file=json_file, chart=chart, check=check, console=_console()
    )
    raise typer.Exit(status)


@bench.command("publish")
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
    raise typer.Exit(run_publish_benchmark(benchmark, json_file, _console()))


@bench.command("quality")
def bench_quality(
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of sharp photographs; those that a network was trained on are left out. "
            "May be given several times. Otherwise photographs that come with scikit-image.",
            show_default=False,
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet to this picture.")
    ] = None,
    known: Annotated[int, typer.Option(min=3, help="Pictures with camera shake.")] = 48,
    moving: Annotated[int, typer.Option(min=1, help="Pictures with a moving object.")] = 24,
    sharp: Annotated[int, typer.Option(min=1, help="Sharp pictures.")] = 24,
) -> None:
    """How good the pictures are, beside an unsharp mask and Wiener's filter (which is told the
    kernel).

    Seeded blur over photographs that no network was trained on: PSNR, PSNR with a shift allowed,
    SSIM, GMSD and a feature distance, because each of them alone misleads; what happens to a still
    background behind a moving object, and to sharp pictures. Nothing is downloaded.
    """
    with _needs_extra_train():
        from benchmarks.quality import QualityBenchmark, run_quality_benchmark
    benchmark = QualityBenchmark(data=tuple(data or ()), known=known, moving=moving, sharp=sharp)
    raise typer.Exit(run_quality_benchmark(benchmark, json_file, sheet, _console()))


@profile_commands.command("import")
def profile_import(
    name: Annotated[str, typer.Argument(help="The new profile's name.")],
    weights: Annotated[
        Path, typer.Option(help="File of weights: `NAFNet-GoPro-width32.pth`, `MIMO-UNet.pkl`, …")
    ],
    about: Annotated[
        str, typer.Option(help="A line for the card: where it is from, its licence.")
    ] = "",
) -> None:
    """Use published NAFNet or MIMO-UNet weights as the deblurrer: `live --profile NAME`.

    The file is read without executing anything in it, and must hold finite weights of the network's
    names and shapes.
    """
    with _needs_extra_train():
        from calibration.import_weights import import_weights
    from engines.folders import user_profiles

    folder = user_profiles() / name
    spec = import_weights(weights, folder, name=name, about=about)
    _console().print(f"{folder}: {spec}", markup=False, highlight=False)


@train.command("deblurrer")
def train_deblurrer(
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of sharp photographs, or of pairs in GoPro's (blur, sharp) or REDS's "
            "(train_blur, train_sharp) layout; may be given several times."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run there goes on.")],
    model: Annotated[
        str, typer.Option(help="Network: fast, balanced, quality, nafnet16, nafnet32 or mimo-unet.")
    ] = "balanced",
    crops: Annotated[int, typer.Option(min=1, help="Training pairs in all.")] = 400_000,
    crop_px: Annotated[int, typer.Option(min=32, help="Side of a training picture.")] = 128,
    batch: Annotated[int, typer.Option(min=1, help="Pairs a step, over all processes.")] = 16,
    learning_rate: Annotated[float, typer.Option(min=0.0, help="Muon's and AdamW's.")] = 1e-3,
    frequency_weight: Annotated[
        float, typer.Option(min=0.0, help="Of the Fourier term, beside Charbonnier's 1.")
    ] = 0.05,
    feature_weight: Annotated[
        float, typer.Option(min=0.0, help="Of the feature distance; detail, at twice the time.")
    ] = 0.0,
    origin: Annotated[
        TruthOrigin,
        typer.Option(
            help="The moment of the exposure that the truth shows. Begin with `centroid`, which is "
            "learned several times faster, and go on from there with `mid-exposure` and --from."
        ),
    ] = TruthOrigin.mid_exposure,
    seed: Annotated[int, typer.Option()] = 0,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Begin with the weights of this profile.", show_default=False),
    ] = None,
) -> None:
    """Train a deblurrer: on sharp photographs that are blurred on the fly, or on pairs.

    One picture in seven is kept for validation. The folder fills with a checkpoint, a log, a curve
    and a strip of examples; run the same command again to go on after an interruption.

    Several processes share the work under torchrun. On a CPU, one a core with one thread each is
    the fastest: `OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m stream.cli train deblurrer ...`
    """
    with _needs_extra_train():
        from calibration.job import run_deblurrer_training
        from calibration.losses import LossWeights
        from calibration.pairs import TRAINED_DETAIL, PairRecipe
        from calibration.train_deblurrer import DeblurrerTraining
        from engines.networks import named_specification
    settings = DeblurrerTraining(
        data=tuple(data),
        out=out,
        network=named_specification(model),
        crops=crops,
        batch=batch,
        learning_rate=learning_rate,
        loss=LossWeights(frequency=frequency_weight, feature=feature_weight),
        pairs=PairRecipe(crop_px=crop_px, min_detail=TRAINED_DETAIL).with_origin(origin.value),
        seed=seed,
        start=start,
    )
    raise typer.Exit(run_deblurrer_training(settings, _console()))


@train.command("blur-sheet")
def train_blur_sheet(
    data: Annotated[list[Path], typer.Option(help="Folder of sharp photographs.")],
    to: Annotated[Path, typer.Option(help="The picture to write.")],
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Draw what networks are trained on: kernels, shaken pictures, moving objects, their truths."""
    with _needs_extra_train():
        from calibration.blur_sheet import write_blur_sheet
    write_blur_sheet(to, data, seed)


@train.command("export")
def train_export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    to: Annotated[Path, typer.Option(help="Folder of the profile; it is made or replaced.")],
    name: Annotated[
        str | None,
        typer.Option(help="The profile's name; the folder's if not given.", show_default=False),
    ] = None,
    about: Annotated[
        str, typer.Option(help="A line for the card: data, licences, what to expect.")
    ] = "",
    quality: Annotated[
        Path | None,
        typer.Option(
            help="Put the figures of this file into the card (`bench quality --json FILE`).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a profile of a training run: weights, exported graph and card.

    `blur2blur live 0 --profile DIR` then uses it.
    """
    with _needs_extra_train():
        from calibration.export_run import export_run
    raise typer.Exit(export_run(run, to, name or to.name, about, quality, _console()))


@contextmanager
def _needs_extra_train() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise StreamError(
            f"training needs {error.name}: pip install 'blur2blur-live[train]'"
        ) from None


def main() -> None:
    """Run the command; what is known to go wrong ends in one line and exit status 1."""
    try:
        app(prog_name="blur2blur")
    except (StreamError, EngineError, ProfileError, CalibrationError) as error:
        _console().print("[red]error:[/]", end=" ")
        _console().print(str(error), markup=False, highlight=False)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
