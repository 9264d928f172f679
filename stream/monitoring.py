"""Prometheus metrics and a health check over HTTP: of frames, latencies, sources and engine."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from socket import AF_INET6
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)

from stream.capture.source import SourceState
from stream.endpoint import is_loopback
from stream.errors import StreamError
from stream.pipeline import Pipeline
from stream.run_log import RunLog
from stream.statistics import statistics

_OK = "200 OK"
_UNAVAILABLE = "503 Service Unavailable"


class Monitoring:
    """Serves ``/metrics`` and ``/healthz`` until it is closed.

    Args:
        address: ``127.0.0.1:9100``; port 0 chooses one.
        log: counts for health, too.
        insecure_bind: allow an address that other machines reach; there are no passwords.

    Raises:
        StreamError: the address is not of this form, cannot be bound, or would let in anybody.
    """

    def __init__(
        self,
        address: str,
        pipeline: Pipeline,
        *,
        log: RunLog | None = None,
        insecure_bind: bool = False,
    ) -> None:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isdecimal():
            raise StreamError(f"{address!r} is not an address like 127.0.0.1:9100")
        if int(port) > 65535:
            raise StreamError(f"metrics cannot be served on {address}: ports go up to 65535")
        if not is_loopback(host) and not insecure_bind:
            raise StreamError(
                f"metrics on {address} could be read by anybody on the network; use 127.0.0.1, or "
                "say --insecure-bind"
            )
        registry = CollectorRegistry()
        registry.register(_Collector(pipeline))
        try:
            self._server = make_server(
                host,
                int(port),
                _routes(pipeline, log or RunLog(None), make_wsgi_app(registry)),
                _ServerIPv6 if ":" in host else _Server,
                _Quiet,
            )
        except OSError as error:
            raise StreamError(f"metrics cannot be served on {address}: {error}") from None
        self.address = f"{f'[{host}]' if ':' in host else host}:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def health(pipeline: Pipeline, log: RunLog) -> tuple[bool, dict[str, Any]]:
    """Whether everything is as it should be, and what is not; a file that has ended is well."""
    sources = {s.name: f"{s.state}{': ' * bool(s.reason)}{s.reason}" for s in pipeline.statuses}
    failed = {o.output.uri: o.failure for o in pipeline.outputs if o.failure}
    live = all(s.state in (SourceState.LIVE, SourceState.ENDED) for s in pipeline.statuses)
    hands = None if pipeline.hands is None else pipeline.hands.failure
    failures = {"engine": pipeline.engine_failure, "hands": hands, "log": log.failure}
    others = {what: failure for what, failure in failures.items() if failure is not None}
    well = live and not failed and not others
    return well, {"live": well, "sources": sources, "failed_outputs": failed, **others}


class _Collector:
    """The statistics at the moment of the question, in Prometheus's form."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def collect(self) -> Iterator[Metric]:
        now = statistics(self._pipeline)
        for name, about in (
            ("captured", "Frames that the sources gave."),
            ("output", "Frames that reached an output."),
            ("bypassed", "Frames that were left as they are."),
        ):
            yield CounterMetricFamily(f"blur2blur_frames_{name}", about, now[f"frames_{name}"])
        dropped = CounterMetricFamily(
            "blur2blur_frames_dropped", "Frames that were dropped, by cause.", labels=["cause"]
        )
        for cause, count in now["frames_dropped"].items():
            dropped.add_metric([cause], count)
        yield dropped
        yield GaugeMetricFamily(
            "blur2blur_frames_in_flight", "Frames on their way.", now["frames_in_flight_at_end"]
        )
        latency = GaugeMetricFamily(
            "blur2blur_latency_seconds",
            "Latency of each stage since the start; age is from capture to hand-over.",
            labels=["stage", "quantile"],
        )
        for stage, percentiles in now["latency_ms"].items():
            for quantile, milliseconds in percentiles.items():
                latency.add_metric([stage, quantile], milliseconds / 1000)
        yield latency
        yield from self._of_sources(now["sources"])
        yield from self._of_outputs(now["outputs"])
        if now["engine"] is not None:
            facts = {key: str(now["engine"][key]) for key in ("backend", "device", "precision")}
            facts["profile"] = _label(now["engine"]["profile"])
            yield InfoMetricFamily("blur2blur_engine", "What deblurs.", facts)

    def _of_sources(self, sources: list[dict[str, Any]]) -> Iterator[Metric]:
        yield from _counters(
            "source",
            {source["name"]: source for source in sources},
            {
                "frames": "Frames that this source gave.",
                "frames_lost": "Frames that were lost before they came here.",
                "frames_output": "Frames of this source that reached an output.",
                "reconnects": "How often it was opened again.",
                "stalls": "How often it fell silent.",
            },
        )
        age = GaugeMetricFamily(
            "blur2blur_source_age_seconds",
            "Age of this source's frames at hand-over, since the start.",
            labels=["source", "quantile"],
        )
        for source in sources:
            for quantile, milliseconds in source["latency_ms"].get("age", {}).items():
                age.add_metric([source["name"], quantile], milliseconds / 1000)
        yield age
        states = StateSetMetricFamily(
            "blur2blur_source_state", "State of this source.", labels=["source"]
        )
        for source in sources:
            every = {state.value: state.value == source["state"] for state in SourceState}
            states.add_metric([source["name"]], every)
        yield states

    def _of_outputs(self, outputs: list[dict[str, Any]]) -> Iterator[Metric]:
        named = {_label(output["uri"]): output for output in outputs}
        yield from _counters(
            "output",
            named,
            {"written": "Frames that this output took.", "dropped": "Frames that it missed."},
        )
        failed = GaugeMetricFamily(
            "blur2blur_output_failed", "1 where this output has failed.", labels=["output"]
        )
        for name, output in named.items():
            failed.add_metric([name], output["failure"] is not None)
        yield failed


def _counters(
    kind: str, things: Mapping[str, dict[str, Any]], fields: Mapping[str, str]
) -> Iterator[Metric]:
    """A counter a field, with a sample a thing."""
    for field, about in fields.items():
        family = CounterMetricFamily(f"blur2blur_{kind}_{field}", about, labels=[kind])
        for name, thing in things.items():
            family.add_metric([name], thing[field])
        yield family


def _label(name: str) -> str:
    """In UTF-8, as Prometheus wants it; names of files may be any bytes."""
    return name.encode("utf-8", "backslashreplace").decode()


_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def _routes(pipeline: Pipeline, log: RunLog, metrics: _Application) -> _Application:
    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start)
        if path == "/healthz":
            well, state = health(pipeline, log)
            start(_OK if well else _UNAVAILABLE, [("Content-Type", "application/json")])
            return [json.dumps(state).encode() + b"\n"]
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"there are /metrics and /healthz\n"]

    return application


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # Windows would let two runs share a port

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may say nothing, or break off: the console is for the user."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _ServerIPv6(_Server):
    address_family = AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 5  # a client that says nothing is not waited for

    def log_message(self, format: str, *args: object) -> None:
        """The console is for the user."""
