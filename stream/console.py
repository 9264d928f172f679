"""What the user sees in the terminal while a run goes on, and when it is over."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engines.signals import signals_received
from stream.capture.source import SourceState, SourceStatus
from stream.metrics import Percentiles
from stream.pipeline import Pipeline

_STEP_S = 0.05
_REFRESH_S = 0.25
_ENOUGH_FRAMES = 100
"""From so many on it is known whether the engine keeps up."""
_MANY_LEFT_OUT = 0.2
_FASTER_MODEL = {"quality": "balanced", "balanced": "fast"}
_COLOURS = {SourceState.LIVE: "green", SourceState.ENDED: "dim", SourceState.FAILED: "red"}


class LiveLine:
    """A line a source and one for the engine, redrawn four times a second on a terminal."""

    def __init__(self, pipeline: Pipeline, live: Live | None) -> None:
        self._pipeline = pipeline
        self._live = live
        self._drawn_at = 0.0
        self._rate = RateMeter()

    def update(self) -> None:
        """Draw if it is time to."""
        now = time.monotonic()
        if self._live is None or now - self._drawn_at < _REFRESH_S:
            return
        self._drawn_at = now
        fps = self._rate.update(self._pipeline.ledger.output, now)
        self._live.update(status_view(self._pipeline, fps), refresh=True)


class RateMeter:
    """Frames a second over the last two seconds or so."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []

    def update(self, count: int, now_s: float) -> float:
        self._marks = [mark for mark in self._marks if now_s - mark[0] < 2.0]
        self._marks.append((now_s, count))
        (first_s, first_count), (last_s, last_count) = self._marks[0], self._marks[-1]
        return (last_count - first_count) / (last_s - first_s) if last_s > first_s else 0.0


@contextmanager
def live_line(pipeline: Pipeline, console: Console) -> Iterator[LiveLine]:
    """The live line while inside; nothing where the output is not a terminal."""
    if not console.is_terminal:
        yield LiveLine(pipeline, None)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield LiveLine(pipeline, live)


def attend(
    pipeline: Pipeline, console: Console, *, enough: Callable[[], bool] = lambda: False
) -> None:
    """Drive a run from start to close: its windows, the live line, and its end on a signal.

    Args:
        enough: looked at all the time; the run ends when it is true.

    Raises:
        StreamError: the hand tracker does not start.
        KeyboardInterrupt: a second signal; outputs are closed, the engine may still be at work.
    """
    with signals_received() as signals:
        pipeline.start()
        try:
            _drive(pipeline, console, signals, enough)
            pipeline.close()
        except KeyboardInterrupt:
            pipeline.abandon()
            raise
        except BaseException:
            pipeline.close()
            raise


def _drive(
    pipeline: Pipeline, console: Console, signals: Sequence[int], enough: Callable[[], bool]
) -> None:
    advised = ending = False
    with live_line(pipeline, console) as line:
        while pipeline.step_main_thread(_STEP_S):
            line.update()
            if not advised and (hint := advice(pipeline)) is not None:
                advised = True
                console.print(escape(hint), highlight=False)
            if signals and not ending:
                ending = True
                console.print("ending… (once more ends it at once)", highlight=False)
            if signals or enough():
                pipeline.stop()


def status_view(pipeline: Pipeline, fps: float) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for status in pipeline.statuses:
        table.add_row(*_source_row(status))
    return Group(table, Text("  ·  ".join(status_lines(pipeline, fps)), style="dim"))


def status_lines(pipeline: Pipeline, fps: float) -> list[str]:
    """The run in short pieces: rate, age, drops, deblurring, engine."""
    ledger = pipeline.ledger
    latency = ledger.latency_ms()
    lines = [
        f"{fps:.1f} fps out",
        _age(latency) if latency else "no frame yet",
        f"{sum(ledger.dropped.values())} dropped, {ledger.bypassed} passed"
        + _losses(sum(status.lost for status in pipeline.statuses)),
        f"deblur {pipeline.deblurring.mode}",
    ]
    if pipeline.deblurring.chosen is not None:
        facts = pipeline.deblurring.chosen.engine.facts
        lines.append(f"{facts.backend} {facts.precision}")
    return lines


def summary(pipeline: Pipeline) -> str:
    """What a run did: a line or two, and one for each of several outputs that left frames out."""
    ledger = pipeline.ledger
    dropped = ", ".join(f"{count} {cause}" for cause, count in ledger.dropped.items()) or "none"
    latency = ledger.latency_ms()
    text = (
        f"{ledger.output} of {ledger.captured} frames out at {ledger.fps_output:.1f} fps; "
        f"dropped: {dropped}{_losses(sum(status.lost for status in pipeline.statuses))}; "
        f"passed through as sharp or off: {ledger.bypassed}"
    )
    chosen = pipeline.deblurring.chosen
    if chosen is not None and latency:
        text += (
            f"\nengine {latency['engine']['p50']:.1f} ms "
            f"({chosen.candidate}, self-check {chosen.self_check_psnr_db:.0f} dB), {_age(latency)}"
        )
    if len(pipeline.outputs) > 1:
        for out in pipeline.outputs:
            if out.dropped:
                text += f"\n{out.output.uri}: {out.written} written, {out.dropped} left out"
    return text


def advice(pipeline: Pipeline) -> str | None:
    """What would help where the engine is too slow for its sources; None where it keeps up."""
    ledger, chosen = pipeline.ledger, pipeline.deblurring.chosen
    dropped = ledger.dropped
    offered = ledger.captured - dropped.get("engine_building", 0)
    left_out = dropped.get("engine_busy", 0) / max(offered, 1)
    if chosen is None or offered < _ENOUGH_FRAMES or left_out < _MANY_LEFT_OUT:
        return None
    if not (latency := ledger.latency_ms()):
        return None
    faster = _FASTER_MODEL.get(chosen.engine.facts.profile)
    return (
        f"the engine takes up to {latency['engine']['p95']:.0f} ms a frame, and "
        f"{100 * left_out:.0f} % of the frames are left out; "
        + (f"--model {faster} is faster, and so is a" if faster else "faster is a")
        + " smaller --size"
    )


def _age(latency: Mapping[str, Percentiles]) -> str:
    return f"age p50 {latency['age']['p50']:.0f} ms, p95 {latency['age']['p95']:.0f} ms"


def _losses(count: int) -> str:
    return f", {count} lost on the way" if count else ""


def _source_row(status: SourceStatus) -> tuple[RenderableType, ...]:
    colour = _COLOURS.get(status.state, "yellow")
    info = status.info
    progress: RenderableType = f"{status.frames} frames{_losses(status.lost)}"
    if info is not None and info.frames:
        progress = ProgressBar(info.frames, min(status.frames, info.frames), width=30)
    size = f"{info.width}x{info.height}" if info else ""
    state = Text(status.state.value, colour)
    return Text(status.name, "bold"), state, size, progress, Text(status.reason)
