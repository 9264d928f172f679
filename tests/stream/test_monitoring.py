"""Metrics and health of a real run, read over HTTP."""

import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engines.pool import EnginePool
from engines.profile import Profile
from stream.capture import open_source
from stream.console import status_lines
from stream.deblurring import Deblurring
from stream.errors import StreamError
from stream.hands.landmarks import TrackedFrame
from stream.hands.tracking import HandSettings
from stream.monitoring import Monitoring, _Server, health
from stream.output.null import Null
from stream.output.recording import Recording
from stream.pipeline import Pipeline
from stream.run_log import RunLog
from stream.statistics import statistics
from tests.conftest import MakeClip
from tests.stream.publishing import needs_ipv6


@pytest.fixture
def pipeline(quick: Profile) -> Iterator[Pipeline]:
    source = open_source("synthetic:160x96@30?seconds=20&stall=2+10")
    source.uri = "rtsp://camera/live"  # as a network source shows itself, without credentials
    made = Pipeline([source], [Null()], Deblurring(lambda: EnginePool(quick), "off"))
    made.start()
    yield made
    made.close()


def no_engine() -> Deblurring:
    return Deblurring(EnginePool, "off")  # type: ignore[arg-type]


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_and_health_follow_the_run(pipeline: Pipeline) -> None:
    monitoring = Monitoring("127.0.0.1:0", pipeline)
    try:
        deadline = time.monotonic() + 10
        while pipeline.ledger.output < 10:
            pipeline.step_main_thread(0.02)
            assert time.monotonic() < deadline
        status, text = get(f"http://{monitoring.address}/metrics")
        assert status == 200
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["blur2blur_frames_captured_total",] >= 10
        assert samples["blur2blur_frames_output_total",] >= 10
        assert samples["blur2blur_source_state", "live", "synthetic"] == 1
        assert 0 < samples["blur2blur_latency_seconds", "age", "p95"] < 5
        assert samples["blur2blur_output_failed", "null"] == 0
        assert get(f"http://{monitoring.address}/healthz")[0] == 200
        while pipeline.statuses[0].state != "stalled":
            pipeline.step_main_thread(0.02)
            assert time.monotonic() < deadline
        status, text = get(f"http://{monitoring.address}/healthz")
        assert status == 503
        assert json.loads(text)["sources"]["synthetic"].startswith("stalled")
        assert get(f"http://{monitoring.address}/")[0] == 404
    finally:
        monitoring.close()


def test_nothing_is_told_of_frames_before_the_first() -> None:
    source = open_source("synthetic:160x96@30")
    waiting = Pipeline([source], [Null()], no_engine())
    monitoring = Monitoring("127.0.0.1:0", waiting)
    try:
        status, text = get(f"http://{monitoring.address}/metrics")
    finally:
        monitoring.close()
    assert status == 200
    assert "quantile=" not in text
    assert statistics(waiting)["latency_ms"] == {}
    assert "no frame yet" in status_lines(waiting, 0.0)


def test_output_is_told_of_whatever_its_file_is_called(tmp_path: Path) -> None:
    output = Recording(tmp_path / os.fsdecode(b"caf\xe9.mkv"))
    pipeline = Pipeline([open_source("synthetic:160x96@30")], [output], no_engine())
    with closing(Monitoring("127.0.0.1:0", pipeline)) as monitoring:
        status, text = get(f"http://{monitoring.address}/metrics")
    assert status == 200
    (failed,) = (f for f in text_string_to_metric_families(text) if f.name.endswith("put_failed"))
    assert failed.samples[0].labels["output"].endswith(r"caf\udce9.mkv")


def test_tracker_that_has_failed_is_not_well(hand_model: Path) -> None:
    def fail(tracked: TrackedFrame) -> None:
        raise RuntimeError("on purpose")

    source = open_source("synthetic:160x96@30?seconds=20")
    hands = HandSettings(model=hand_model, on="raw")
    pipeline = Pipeline([source], [Null()], no_engine(), hands=hands, found=fail)
    pipeline.start()
    try:
        deadline = time.monotonic() + 10
        while pipeline.hands is not None and pipeline.hands.failure is None:
            pipeline.step_main_thread(0.02)
            assert time.monotonic() < deadline
        well, state = health(pipeline, RunLog(None))
    finally:
        pipeline.close()
    assert not well
    assert state["hands"] == "the hand tracker failed: RuntimeError: on purpose"
    assert state["sources"] == {"synthetic": "live"}


def test_file_that_has_ended_beside_a_camera_is_well(make_clip: MakeClip) -> None:
    sources = [open_source("synthetic:160x96@30?seconds=20"), open_source(str(make_clip()))]
    pipeline = Pipeline(sources, [Null()], no_engine())
    pipeline.start()
    try:
        deadline = time.monotonic() + 10
        while [status.state.value for status in pipeline.statuses] != ["live", "ended"]:
            pipeline.step_main_thread(0.02)
            assert time.monotonic() < deadline
        well, state = health(pipeline, RunLog(None))
    finally:
        pipeline.close()
    assert well
    assert state["sources"]["clip"].startswith("ended")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_log_that_was_given_up_is_not_well() -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", "synthetic:160x96@30", "--to", "null",
         "--deblur", "off", "--log", "/dev/full", "--metrics", "127.0.0.1:0"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stderr is not None
    try:
        (address,) = islice((line.split()[0] for line in run.stderr if line[:4] == "http"), 1)
        status, text = get(f"{address.removesuffix('/metrics')}/healthz")
    finally:
        run.kill()
        run.communicate()
    assert status == 503
    assert "/dev/full: the log is given up" in json.loads(text)["log"]


def test_clients_that_break_off_or_say_nothing_leave_no_trace(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("stream.monitoring._Quiet.timeout", 0.2)
    with closing(Monitoring("127.0.0.1:0", pipeline)) as monitoring:
        host, _, port = monitoring.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as silent:
            assert silent.recv(1) == b""  # it was hung up on
        breaks_off = socket.create_connection((host, int(port)), timeout=5)
        breaks_off.sendall(b"GET /met")
        breaks_off.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        breaks_off.close()  # by a reset
        assert get(f"http://{monitoring.address}/healthz")
        time.sleep(0.5)
    assert capfd.readouterr().err == ""


def test_two_runs_do_not_share_a_port(pipeline: Pipeline) -> None:
    """Only Windows would let them where addresses may be reused; elsewhere that frees dead ones."""
    assert _Server.allow_reuse_address == (os.name != "nt")
    with (
        closing(Monitoring("127.0.0.1:0", pipeline)) as monitoring,
        pytest.raises(StreamError, match="cannot be served"),
    ):
        Monitoring(monitoring.address, pipeline)


@needs_ipv6
def test_metrics_over_ipv6(pipeline: Pipeline) -> None:
    monitoring = Monitoring("[::1]:0", pipeline)
    try:
        assert monitoring.address.startswith("[::1]:")
        assert get(f"http://{monitoring.address}/metrics")[0] == 200
    finally:
        monitoring.close()


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("9100", "127.0.0.1:9100"),
        ("127.0.0.1:x", "127.0.0.1:9100"),
        ("0.0.0.0:9100", "insecure-bind"),
        ("127.0.0.1:99999", "cannot be served"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(
    pipeline: Pipeline, address: str, seen: str
) -> None:
    with pytest.raises(StreamError, match=seen):
        Monitoring(address, pipeline)
