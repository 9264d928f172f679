"""Engines that die while they run, on purpose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engines.errors import EngineError
from engines.pool import EnginePool
from engines.profile import Profile
from stream.capture import SourceOptions, open_source
from stream.deblurring import Deblurring
from stream.pipeline import Pipeline
from stream.statistics import statistics
from tests.conftest import MakeClip
from tests.stream.test_pipeline import Keeper


def dies_after(calls: int, reason: str) -> Callable[..., None]:
    """What stands in for the check of an engine's input, and ends the engine."""
    count = 0

    def check(*_: object) -> None:
        nonlocal count
        count += 1
        if count > calls:
            raise EngineError(reason)

    return check


def test_engine_that_dies_midway_hands_over_to_the_next(
    balanced: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="the next engine is torch")
    said: list[str] = []
    # OpenVINO dies in both precisions; its self-check takes six calls of the first
    monkeypatch.setattr("engines.openvino.check_frames", dies_after(26, "the device is gone"))
    keeper = Keeper()
    source = open_source("synthetic:160x96@30?seconds=4", SourceOptions(realtime=True))
    pipeline = Pipeline(
        [source],
        [keeper],
        Deblurring(lambda: EnginePool(balanced, cache=tmp_path, say=said.append), "on"),
    )
    pipeline.run()
    assert not pipeline.problems
    assert any("the device is gone; handing over" in line for line in said)
    chosen = pipeline.deblurring.chosen
    assert chosen is not None
    assert chosen.candidate.backend == "torch"
    engine = statistics(pipeline)["engine"]
    assert engine["refused"][0]["reason"] == "the device is gone"
    backends = [frame.engine.backend for frame in keeper.frames if frame.engine]
    assert backends[0] == "openvino"
    assert backends[-1] == "torch"
    handed_ns = [frame.finished_ns for frame in keeper.frames]
    assert max(np.diff(handed_ns)) < 2e9
    assert pipeline.ledger.in_flight == 0
    assert "engine_failed" not in pipeline.ledger.dropped


def test_a_run_without_an_engine_left_ends_with_the_reasons(
    balanced: Profile, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.openvino.check_frames", dies_after(12, "the device is gone"))
    keeper = Keeper()
    pipeline = Pipeline(
        [open_source(str(make_clip()))],
        [keeper],
        Deblurring(lambda: EnginePool(balanced, backend="openvino"), "on"),
    )
    pipeline.run()
    (problem,) = pipeline.problems
    assert "no engine runs here" in problem
    assert "the device is gone" in problem
    assert keeper.closed == 1
    assert len(keeper.frames) < 25
    assert pipeline.ledger.dropped["engine_failed"] == 1
