"""`blur2blur live`: put a run together, drive it, and tell how it went."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from engines.files import write_text_atomically
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import load_profile
from engines.selection import BackendChoice, PrecisionChoice
from stream.capture import Source, SourceOptions, open_source
from stream.capture.source import Size, SourceStatus
from stream.console import LiveLine, RateMeter, live_line, status_lines, summary
from stream.deblurring import DEBLUR_MODES, DeblurMode, Deblurring
from stream.errors import OutputError
from stream.output import Output, open_output
from stream.output.display import display_problem
from stream.pipeline import Pipeline
from stream.statistics import statistics

_STEP_S = 0.05


@dataclass(frozen=True, kw_only=True)
class LiveJob:
    """Everything that ``blur2blur live`` was asked for."""

    sources: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    profile: str = "generic"
    size: Size | None = None
    backend: BackendChoice = "auto"
    precision: PrecisionChoice = "auto"
    deblur: DeblurMode = "auto"
    realtime: bool | None = None
    seconds: float | None = None
    stats: Path | None = None


def run_live(job: LiveJob, console: Console) -> int:
    """Run to the end; returns the exit status: 0, or 1 where a part of the job failed.

    Raises:
        StreamError, EngineError, ProfileError: the job cannot even begin.
    """

    def say(line: str) -> None:
        console.print(escape(line), highlight=False)

    outputs = _open_outputs(job)
    sources = _open_sources(job)
    _refuse_overwriting(job)
    if job.stats is not None and not job.stats.parent.is_dir():
        raise OutputError(
            f"{job.stats}: the folder {job.stats.parent} does not exist; make it first"
        )
    profile = load_profile(job.profile)

    def make_engines() -> EnginePool:
        return EnginePool(
            profile,
            backend=job.backend,
            precision=job.precision,
            max_batch=len(sources),
            cache=engine_cache(),
            say=say,
        )

    deblurring = Deblurring(make_engines, job.deblur)
    pipeline = Pipeline(sources, outputs, deblurring, seconds=job.seconds, say=say)
    for output in outputs:
        if output.main_thread:
            output.controls = _Controls(pipeline)  # type: ignore[attr-defined]
    with _ends_on_signals(pipeline):
        pipeline.start()
        with live_line(pipeline, console) as line:
            _drive(pipeline, line)
        pipeline.close()
    return _report(pipeline, job, console)


class _Controls:
    """What the window may ask of the run."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._rate = RateMeter()

    def statuses(self) -> list[SourceStatus]:
        return self._pipeline.statuses

    def statistics_lines(self) -> list[str]:
        fps = self._rate.update(self._pipeline.ledger.output, time.monotonic())
        lines = status_lines(self._pipeline, fps)
        return [", ".join(lines[:2]), ", ".join(lines[2:])]

    def next_deblur_mode(self) -> None:
        deblurring = self._pipeline.deblurring
        at = DEBLUR_MODES.index(deblurring.mode)
        deblurring.mode = DEBLUR_MODES[(at + 1) % len(DEBLUR_MODES)]

    def quit(self) -> None:
        self._pipeline.stop()


def _drive(pipeline: Pipeline, line: LiveLine) -> None:
    while pipeline.step_main_thread(_STEP_S):
        line.update()


def _open_outputs(job: LiveJob) -> list[Output]:
    uris = job.outputs or ("window",)
    if not job.outputs and (problem := display_problem()) is not None:
        raise OutputError(f"no window: {problem}; record instead, with --to out.mp4")
    return [open_output(uri, several=len(job.sources) > 1) for uri in uris]


def _open_sources(job: LiveJob) -> list[Source]:
    """The sources with names of their own."""
    only_watched = set(job.outputs or ("window",)) == {"window"}
    realtime = only_watched if job.realtime is None else job.realtime
    options = SourceOptions(size=job.size, realtime=realtime)
    sources: list[Source] = []
    for uri in job.sources:
        source = open_source(uri, options)
        taken = [other.name for other in sources]
        if source.name in taken:
            source.name = f"{source.name}-{len(taken) + 1}"
        sources.append(source)
    return sources


def _refuse_overwriting(job: LiveJob) -> None:
    inputs = {Path(uri).resolve() for uri in job.sources if Path(uri).is_file()}
    for uri in job.outputs:
        if Path(uri).resolve() in inputs:
            raise OutputError(f"{uri} is the source itself; name another file")


def _report(pipeline: Pipeline, job: LiveJob, console: Console) -> int:
    problems = pipeline.problems
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


@contextmanager
def _ends_on_signals(pipeline: Pipeline) -> Iterator[None]:
    """Ctrl-C or a polite kill ends the run cleanly; a second one ends it at once."""
    received: list[int] = []

    def handle(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt
        pipeline.stop()

    before = {kind: signal.signal(kind, handle) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
