"""`live` and `doctor`: what people begin with."""

import os.path
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from engines.shell import shell_word
from stream.commands.common import (
    Backend,
    Deblur,
    HandModelFile,
    Model,
    PrecisionOption,
    chosen_profile,
    console,
    output_console,
    parse_size,
    refuse_ignored,
)
from stream.errors import StreamError
from stream.uri import scheme_of, with_forgotten_scheme, without_credentials


class Hands(StrEnum):
    """Which picture hands are looked for in."""

    off = "off"
    deblurred = "deblurred"
    raw = "raw"
    both = "both"


def with_hands_said(arguments: list[str]) -> list[str]:
    """`--hands` alone means `--hands deblurred`, which the library behind this cannot say."""
    said = list(arguments)
    for place in reversed([i for i, argument in enumerate(said) if argument == "--hands"]):
        if said[place + 1 : place + 2] not in [[choice] for choice in Hands]:
            said.insert(place + 1, Hands.deblurred)
    return said


def _check_for_output(sources: list[str]) -> None:
    """To be called where no output is named, which the last source may be, as for ffmpeg.

    Raises:
        StreamError: a recording that is not there stands behind another source.
    """
    for name in map(without_credentials, sources[1:]):
        is_address = scheme_of(name) or with_forgotten_scheme(name)
        if name.lower().endswith((".mp4", ".mkv")) and not (is_address or os.path.exists(name)):
            raise StreamError(
                f"{name} does not exist; is the path right? or did you mean to record there: "
                f"--to {shell_word(name)}"
            )


def _take_config(context: typer.Context, path: Path | None) -> Path | None:
    """What the file says becomes what the options are if they are not given."""
    if path is not None:
        from stream.config import read_config

        parameters = {p.name: p for p in context.command.params if p.name not in (None, "config")}
        names = {str(name) for name in parameters}
        values = read_config(path, names)
        if isinstance(said := values.get("hands"), bool):  # as --hands alone
            values["hands"] = Hands.deblurred if said else Hands.off
        for name, value in values.items():
            if parameters[name].multiple or parameters[name].nargs == -1:
                values[name] = value if isinstance(value, list) else [value]
        context.default_map = {**(context.default_map or {}), **values}
    return path


def live(
    context: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(
            help="Where frames come from: a camera (`0`, `camera:0`, `/dev/video0`), a file "
            "(`clip.mp4`; a window holds a photograph), a stream (`rtsp://…`, "
            "`http://…/video.mjpeg` of a phone's IP-camera app; a file at such an address is taken "
            "as a file), `zmq+tcp://…` (a publisher), `demo`, or "
            "`synthetic:640x480@30`. Several share one engine.",
            show_default=False,
        ),
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            help="Where frames go: `window` (the default), `out.mp4`, `out.mkv` "
            "(which needs no more memory the longer it gets), `zmq+tcp://127.0.0.1:5555` (other "
            "programs subscribe), `virtual-camera` (video calls take it for a webcam), `null`. May "
            "be given several times.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Model,
        typer.Option(
            help="Shipped network: `balanced` for live pictures, `fast` for slow machines and many "
            "cameras, `quality` for files, fast hands and fast machines: two to three times the "
            "time of `balanced`."
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
            help="Asked of a camera (640x480 if not given); pictures of files and streams are "
            "scaled to fit into it, and keep their shape.",
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
        typer.Option(
            help="Arithmetic of the network: floats of 32 or 16 bit, or integers of 8 bit where a "
            "layer takes long (`i8`, on a processor). `auto` takes the fastest that comes close "
            "enough to 32 bit."
        ),
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
            "every frame. The default is every frame where an output is a recording or `null`, "
            "else the file's own rate: a window, a publisher and a virtual camera want the newest.",
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
    hands: Annotated[
        Hands,
        typer.Option(
            metavar="[deblurred|raw|both]",
            help="Track hands and draw them: in the deblurred picture if nothing else is said, in "
            "the picture as captured, or in both. Needs the extra `hands` and, once, "
            "`blur2blur hands model`.",
            show_default=False,
        ),
    ] = Hands.off,
    max_hands: Annotated[
        int,
        typer.Option(
            min=1, max=4, help="Hands to track; one that is not there costs the tracker time."
        ),
    ] = 2,
    hand_region: Annotated[
        bool,
        typer.Option(
            "--hand-region/--whole-frame",
            help="Deblur the surroundings of the hands only, which takes a fifth to a half of the "
            "time; all of the frame while none is seen, for a second after one of several is "
            "lost, now and then while there may be more, and where the tracker takes longer than "
            "a quarter of a second.",
        ),
    ] = False,
    hand_model: HandModelFile = None,
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
    - `blur2blur live 0 --to window --to virtual-camera` - choose it as the camera of a video call
    - `blur2blur live 0 --hands` - with the skeleton of your hands
    - `blur2blur live clip.mp4 --realtime --to null --stats s.json` - how would it do live?

    Ctrl-C ends it, a second one at once; recordings are closed properly, and play even if the
    program is killed.
    """
    from stream.hands.tracking import HandsOn
    from stream.live import LiveJob, run_live

    if not to:
        _check_for_output(source)
    if hands is Hands.off:
        about_hands = ["max_hands", "hand_model"] + ["hand_region"] * hand_region
        refuse_ignored(context, about_hands, "is about hands; give --hands, too")
    job = LiveJob(
        sources=tuple(source),
        outputs=tuple(to or ()),
        profile=chosen_profile(context, model, profile),
        size=parse_size(size),
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
        hands=None if hands is Hands.off else cast(HandsOn, hands.value),
        max_hands=max_hands,
        hand_model=hand_model,
        hand_region=hand_region,
    )
    raise typer.Exit(run_live(job, console()))


def doctor(
    gpu_report: Annotated[
        Path | None,
        typer.Option(
            help="Build, check and time every engine for this machine's NVIDIA GPU, and write what "
            "came of it to this file, for the makers of this program; each engine takes "
            "minutes to compile, all of them an hour or more.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Look at this machine: what would run here, what is missing, how to get it."""
    if gpu_report is not None:
        from benchmarks.engine_matrix import EngineMatrix
        from benchmarks.gpu_report import write_gpu_report

        raise typer.Exit(write_gpu_report(gpu_report, EngineMatrix(device="cuda"), console()))
    from stream.doctor import examine, show

    raise typer.Exit(show(examine(), output_console()))
