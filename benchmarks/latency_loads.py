"""The loads of `bench latency`, and what one of them does to the pipeline.

Open loop: the source keeps its own clock and does not wait for anybody, so a stall shows in the
figures instead of hiding in them. Beside the stamps that travel with a frame, the age is also taken
from the frame's number in the pixels that come out, and the source's clock: software glass to
glass, which cannot lie about which picture was shown. It does not include a sensor and a display.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.latency_peers import ComingAndGoing, StoppedSubscriber, Subscriber
from benchmarks.memory import growth_mib, rss_mib
from benchmarks.runs import percentiles, raise_problems
from engines.pool import EnginePool
from stream.capture import Source, open_source
from stream.capture.source import Size
from stream.capture.synthetic import read_number
from stream.deblurring import Deblurring
from stream.frame import ProcessedFrame
from stream.output import Output, open_output
from stream.output.null import Null
from stream.output.publisher import Publisher
from stream.pipeline import Pipeline

CAMERAS = 4
VGA = Size(640, 480)
_CAMERA_FPS = 30
_SLOW_WORK_S = 0.06
_MIN_FPS, _MAX_FPS = 0.5, 200.0
_STALL_S = 5
_SETTLING_S = 2.0
"""After this, a pipeline's memory must not grow."""


@dataclass(frozen=True)
class Scenario:
    """One load: its sources, and what else goes on meanwhile.

    Attributes:
        subscriber: what one does with the frames that are published.
        republished: address of what a publisher sends that goes and returns; it is the only source
            then.
    """

    name: str
    about: str
    sources: tuple[str, ...]
    subscriber: Literal["none", "reading", "slow", "stopped"] = "none"
    republished: str | None = None


def scenarios(engine_ms: float, seconds: float, size: Size = VGA) -> list[Scenario]:
    """The loads, set by what the bare engine can do here with frames of this size."""
    capacity = 1000 / engine_ms

    def rate(fps: float) -> float:
        return float(f"{min(max(fps, _MIN_FPS), _MAX_FPS):.3g}")

    def camera(fps: float, options: str = "") -> str:
        return f"synthetic:{size}@{rate(fps):g}?seconds={seconds:g}{options}"

    def beside(fps: float) -> str:
        return f"{rate(fps):g} frames/s, {rate(fps) / capacity:.0%} of what the engine can do"

    stall = f"&stall={seconds / 3:g}+2"
    watched = camera(min(_CAMERA_FPS, capacity / 2))
    thirty = camera(_CAMERA_FPS)
    return [
        Scenario("under", beside(capacity / 2), (camera(capacity / 2),)),
        Scenario("at", beside(capacity), (camera(capacity),)),
        Scenario("over", beside(2 * capacity), (camera(2 * capacity),)),
        Scenario("stall", "a camera that gives nothing for 2 s", (camera(capacity / 2, stall),)),
        Scenario("subscriber", "a subscriber that reads", (watched,), subscriber="reading"),
        Scenario(
            "slow-subscriber",
            "a subscriber that works 60 ms on each frame",
            (watched,),
            subscriber="slow",
        ),
        Scenario(
            "stopped-subscriber",
            "a subscriber that stops reading",
            (watched,),
            subscriber="stopped",
        ),
        Scenario(
            "reconnect",
            "a publisher that goes for 2 s and returns",
            (),
            republished=f"synthetic:{size}@{_CAMERA_FPS}",
        ),
        Scenario("four", "four cameras at 30 frames a second", (thirty,) * CAMERAS),
        Scenario(
            "four-one-stalls",
            f"the same, and one gives nothing for {_STALL_S} s",
            (*(thirty,) * (CAMERAS - 1), camera(_CAMERA_FPS, f"&stall={seconds / 4:g}+{_STALL_S}")),
        ),
    ]


@dataclass
class _Probe(Null):
    """Reads the number out of each picture that comes out, and the time."""

    seen: list[tuple[str, int, int, int]] = field(default_factory=list)

    def write(self, frame: ProcessedFrame) -> None:
        handed_ns = time.perf_counter_ns()
        captured = frame.captured
        number = read_number(frame.pixels)
        self.seen.append((captured.source, number, captured.captured_ns, handed_ns))


def run_scenario(scenario: Scenario, pool: EnginePool, seconds: float) -> dict[str, Any]:
    """Run it; returns its row of figures.

    Raises:
        StreamError: the pipeline failed.
    """
    probe = _Probe()
    outputs: list[Output] = [probe]
    helper: Subscriber | StoppedSubscriber | ComingAndGoing | None = None
    sources: list[Source] = [open_source(uri) for uri in scenario.sources]
    if scenario.subscriber != "none":
        publisher = open_output("zmq+tcp://127.0.0.1:*")
        assert isinstance(publisher, Publisher)
        outputs.append(publisher)
        if scenario.subscriber == "stopped":
            helper = StoppedSubscriber(publisher)
        else:
            helper = Subscriber(publisher, _SLOW_WORK_S * (scenario.subscriber == "slow"))
    elif scenario.republished is not None:
        helper = ComingAndGoing(scenario.republished, seconds)
        sources = [open_source(f"zmq+{helper.address}")]
    for number, source in enumerate(sources):
        source.name = f"camera-{number}"
    pipeline = Pipeline(sources, outputs, Deblurring(lambda: pool, "on"), seconds=seconds)
    pipeline.start()
    settled_at, memory = time.monotonic() + _SETTLING_S, None
    while pipeline.step_main_thread(0.05):
        if memory is None and time.monotonic() > settled_at:
            memory = rss_mib()
    pipeline.close()
    row = _figures(scenario, pipeline, probe)
    row["rss_growth_mib"] = growth_mib(memory)
    if helper is not None:
        row.update(helper.finish([handed_ns for _, _, _, handed_ns in probe.seen]))
    if scenario.republished is None:
        raise_problems(pipeline)
    return row


def _figures(scenario: Scenario, pipeline: Pipeline, probe: _Probe) -> dict[str, Any]:
    ledger = pipeline.ledger
    return {
        "name": scenario.name,
        "about": scenario.about,
        "sources": list(scenario.sources),
        "frames_captured": ledger.captured,
        "frames_output": ledger.output,
        "frames_dropped": dict(ledger.dropped),
        "by_source": {
            name: {
                "captured": one.captured,
                "output": one.output,
                "dropped": dict(one.dropped),
                "age_p95_ms": one.latency_ms()["age"]["p95"] if one.output else None,
            }
            for name, one in pipeline.ledgers.items()
        },
        "fps_output": round(ledger.fps_output, 2),
        "latency_ms": {
            stage: {**percentiles, "count": ledger.output}
            for stage, percentiles in ledger.latency_ms().items()
        },
        "glass_to_glass_ms": _glass_to_glass(scenario, probe),
    }


def _glass_to_glass(scenario: Scenario, probe: _Probe) -> dict[str, float] | None:
    """Ages by the numbers in the pixels and the sources' own clocks.

    Also ``stamp_error_ms``: how far the stamp of any frame is from that clock.
    """
    if not scenario.sources:
        return None
    fps = float(scenario.sources[0].partition("@")[2].partition("?")[0])
    ages_ms: list[float] = []
    errors_ms = [0.0]
    clocks: dict[str, int] = {}
    for source, number, captured_ns, handed_ns in probe.seen:
        since_start_ns = round(number / fps * 1e9)
        due_ns = clocks.setdefault(source, captured_ns - since_start_ns) + since_start_ns
        ages_ms.append((handed_ns - due_ns) / 1e6)
        errors_ms.append(abs(captured_ns - due_ns) / 1e6)
    return {**percentiles(ages_ms), "stamp_error_ms": round(max(errors_ms), 3)}
