"""`blur2blur live`: put a run together, drive it, and tell how it went."""

import json
import os.path
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from engines.files import writable_problem, write_text_atomically
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import DEFAULT_PROFILE, load_profile
from engines.selection import BackendChoice, PrecisionChoice
from stream.capture import Source, SourceOptions, look_at, open_source
from stream.capture.source import Size
from stream.capture.video_file import VideoFile
from stream.console import attend, summary
from stream.controls import RunControls
from stream.deblurring import DeblurMode, Deblurring
from stream.errors import OutputError
from stream.hands.tracking import HandSettings, HandsOn
from stream.output import Output, open_output, wants_every_frame
from stream.output.display import display_problem
from stream.output.publisher import Publisher
from stream.output.recording import Recording
from stream.pipeline import Pipeline
from stream.run_log import STANDARD_ERROR, RunLog
from stream.statistics import program_version, statistics
from stream.wire import short_name

_WATCHED = ("window",)


@dataclass(frozen=True, kw_only=True)
class LiveJob:
    """Everything that ``blur2blur live`` was asked for."""

    sources: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    profile: str = DEFAULT_PROFILE
    size: Size | None = None
    fps: float | None = None
    backend: BackendChoice = "auto"
    precision: PrecisionChoice = "auto"
    deblur: DeblurMode = "auto"
    realtime: bool | None = None
    seconds: float | None = None
    stats: Path | None = None
    insecure_bind: bool = False
    batch_wait_ms: float = 0.0
    metrics: str | None = None
    log: Path | None = None
    hands: HandsOn | None = None
    max_hands: int = 2
    hand_model: Path | None = None
    hand_region: bool = False


def run_live(job: LiveJob, console: Console) -> int:
    """Run to the end; returns the exit status: 0, or 1 where a part of the job failed.

    Raises:
        StreamError, EngineError, ProfileError: the job cannot even begin.
    """

    def tell(line: str) -> None:
        console.print(escape(line), highlight=False)

    sources = _open_sources(job)
    profile = load_profile(job.profile)
    hands = _hand_settings(job)
    if job.stats is not None and (problem := writable_problem(job.stats)) is not None:
        raise OutputError(problem)
    with ExitStack() as unused:
        # The last, as a publisher is there for all to see.
        outputs = _open_outputs(job, sources, unused)
        _refuse_overwriting(job, sources, outputs)
        with RunLog(job.log, tell) as log:

            def say(line: str) -> None:
                tell(line)
                log.write("said", text=line)

            def make_engines() -> EnginePool:
                return EnginePool(
                    profile,
                    backend=job.backend,
                    precision=job.precision,
                    max_batch=len(sources),
                    cache=engine_cache(),
                    say=say,
                )

            for output in outputs:
                if isinstance(output, Publisher) and output.chosen:
                    say(f"publishing at {output.address}")
            pipeline = Pipeline(
                sources,
                outputs,
                Deblurring(make_engines, job.deblur),
                batch_wait_ms=job.batch_wait_ms,
                seconds=job.seconds,
                hands=hands,
                say=say,
            )
            for output in outputs:
                if output.main_thread:
                    output.controls = RunControls(pipeline)  # type: ignore[attr-defined]
            log.write(
                "started",
                version=program_version(),
                sources=[source.uri for source in sources],
                outputs=[output.uri for output in outputs],
            )
            try:
                with _monitoring(job, pipeline, log, say):
                    attend(pipeline, console)
            finally:
                if pipeline.started_ns:
                    unused.pop_all()  # it has closed them itself
            log.write("ended", problems=pipeline.problems, statistics=statistics(pipeline))
    return _report(pipeline, job, console, [log.failure] if log.failure else [])


@contextmanager
def _monitoring(
    job: LiveJob, pipeline: Pipeline, log: RunLog, say: Callable[[str], None]
) -> Iterator[None]:
    """Serve metrics for as long as the run lasts, where they were asked for."""
    if job.metrics is None:
        yield
        return
    from stream.monitoring import Monitoring

    monitoring = Monitoring(job.metrics, pipeline, log=log, insecure_bind=job.insecure_bind)
    say(f"http://{monitoring.address}/metrics and /healthz")
    try:
        yield
    finally:
        monitoring.close()


def _hand_settings(job: LiveJob) -> HandSettings | None:
    if job.hands is None:
        return None
    from stream.hands.model import find_model  # brings what fetches files; few runs need it

    return HandSettings(
        model=find_model(job.hand_model),
        on=job.hands,
        max_hands=job.max_hands,
        region=job.hand_region,
    )


def _open_outputs(job: LiveJob, sources: list[Source], unused: ExitStack) -> list[Output]:
    """The outputs, each of which ``unused`` would close."""
    uris = job.outputs or _WATCHED
    if not job.outputs and (problem := display_problem()) is not None:
        instead = "record instead: `blur2blur live SOURCE --to out.mp4`"
        raise OutputError(f"no window: {problem}; {instead}")
    names = [source.name for source in sources]
    outputs = []
    for uri in uris:
        output = open_output(uri, sources=names, insecure_bind=job.insecure_bind)
        unused.callback(output.close)
        outputs.append(output)
    return outputs


def _open_sources(job: LiveJob) -> list[Source]:
    """The sources with names of their own."""
    realtime = job.realtime
    if realtime is None:
        realtime = not any(wants_every_frame(uri) for uri in job.outputs or _WATCHED)
    options = SourceOptions(size=job.size, fps=job.fps, realtime=realtime)
    sources: list[Source] = []
    for uri in job.sources:
        source = open_source(uri, options)
        source.name = short_name(source.name)
        taken = [other.name for other in sources]
        if source.name in taken:
            numbered = (short_name(source.name, f"-{n}") for n in count(len(taken) + 1))
            source.name = next(name for name in numbered if name not in taken)
        sources.append(source)
    look_at(sources)
    return sources


def _refuse_overwriting(job: LiveJob, sources: list[Source], outputs: list[Output]) -> None:
    """No file is both read and written, and none is written twice."""
    read = [source.path for source in sources if isinstance(source, VideoFile)]
    recorded = [
        path for output in outputs if isinstance(output, Recording) for path in output.paths
    ]
    seen: set[str] = set()
    for path in [*recorded, job.stats, job.log]:
        if path is None or str(path) == STANDARD_ERROR or _is_device(path):
            continue
        real = os.path.realpath(path)
        if any(_is_same_file(path, source) for source in read):
            raise OutputError(f"{path} is the source itself; name another file")
        if real in seen:
            raise OutputError(f"{path} would be written twice; name another file")
        seen.add(real)


def _is_device(path: Path) -> bool:
    """Or a pipe: what is written there replaces nothing."""
    return os.path.exists(path) and not os.path.isfile(path)


def _is_same_file(path: Path, source: Path) -> bool:
    """Through links of either kind, too, and where a disk takes other capitals for the same."""
    try:
        return path.samefile(source)
    except OSError:  # one of them does not exist yet
        return os.path.realpath(path) == os.path.realpath(source)


def _report(pipeline: Pipeline, job: LiveJob, console: Console, others: list[str]) -> int:
    problems = pipeline.problems + others
    if job.stats is not None:
        try:
            write_text_atomically(job.stats, json.dumps(statistics(pipeline), indent=2) + "\n")
        except OSError as error:
            problems.append(f"{job.stats} cannot be written: {error.strerror}")
    if pipeline.ledger.captured or not problems:
        console.print(escape(summary(pipeline)), highlight=False)
    for problem in problems:
        console.print(f"[red]error:[/] {escape(problem)}", highlight=False)
    return 1 if problems else 0
