"""Engines that die while they run, on purpose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engines import selection
from engines.engine import Ticket
from engines.errors import EngineError
from engines.pool import EnginePool
from engines.profile import Profile
from engines.selection import _KINDS
from stream.capture import SourceOptions, open_source
from stream.capture.source import Source
from stream.deblurring import Deblurring
from stream.pipeline import Pipeline
from stream.statistics import statistics
from tests.conftest import MakeClip
from tests.stream.whole_runs import Keeper, run


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
    quick: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        Deblurring(lambda: EnginePool(quick, cache=tmp_path, say=said.append), "on"),
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
    quick: Profile, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.openvino.check_frames", dies_after(12, "the device is gone"))
    keeper = Keeper()
    pipeline = Pipeline(
        [open_source(str(make_clip()))],
        [keeper],
        Deblurring(lambda: EnginePool(quick, backend="openvino"), "on"),
    )
    pipeline.run()
    (problem,) = pipeline.problems
    assert "no engine runs here" in problem
    assert "the device is gone" in problem
    assert keeper.closed == 1
    assert len(keeper.frames) < 25
    assert pipeline.ledger.dropped["engine_failed"] == 1


def frames_by_torch(quick: Profile, source: Source, keeper: Keeper) -> Pipeline:
    """A run on the backend whose batches may overlap, here on the processor."""
    pytest.importorskip("torch")
    pipeline = Pipeline(
        [source], [keeper], Deblurring(lambda: EnginePool(quick, backend="torch"), "on")
    )
    pipeline.run()
    return pipeline


def test_overlapping_batches_lose_and_swap_nothing(quick: Profile, make_clip: MakeClip) -> None:
    keeper, plain = Keeper(), Keeper()
    pipeline = frames_by_torch(quick, open_source(str(make_clip())), keeper)
    assert not pipeline.problems
    assert keeper.sequences == list(range(25))
    run(quick, [open_source(str(make_clip()))], [plain])
    for mine, other in zip(keeper.frames, plain.frames, strict=True):
        assert np.abs(mine.pixels.astype(int) - other.pixels).max() <= 1


def test_two_batches_are_under_way_for_a_file_and_one_for_a_live_source(
    quick: Profile, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines.torch import TorchEngine

    under_way, most = 0, 0
    submit, collect = TorchEngine.submit, TorchEngine.collect

    def counted_submit(engine: TorchEngine, frames: NDArray[np.uint8]) -> Ticket:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        return submit(engine, frames)

    def counted_collect(engine: TorchEngine, ticket: Ticket) -> NDArray[np.uint8]:
        nonlocal under_way
        under_way -= 1
        return collect(engine, ticket)

    monkeypatch.setattr(TorchEngine, "submit", counted_submit)
    monkeypatch.setattr(TorchEngine, "collect", counted_collect)
    frames_by_torch(quick, open_source(str(make_clip())), Keeper())
    assert (under_way, most) == (0, 2)
    most = 0
    live = open_source("synthetic:160x96@100?seconds=1", SourceOptions(realtime=True))
    frames_by_torch(quick, live, Keeper())
    assert (under_way, most) == (0, 1)


@pytest.mark.parametrize("step", ["submit", "collect"])
def test_batch_that_is_lost_on_the_device_is_done_again_by_the_next_engine(
    quick: Profile, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The device goes with two batches under way; no frame is lost and none comes twice, and it is
    said once."""
    from engines.torch import TorchEngine

    real = getattr(TorchEngine, step)
    calls = 0

    def fails_at_the_fifth(engine: TorchEngine, argument: object) -> object:
        nonlocal calls
        calls += 1
        if calls >= 5:
            raise EngineError("an illegal memory access was encountered")
        return real(engine, argument)

    monkeypatch.setattr(TorchEngine, step, fails_at_the_fifth)
    monkeypatch.setattr(selection, "_KINDS", [_KINDS[-1], _KINDS[-2]])  # torch, then OpenVINO
    keeper = Keeper()
    said: list[str] = []
    deblurring = Deblurring(lambda: EnginePool(quick, say=said.append), "on")
    pipeline = Pipeline([open_source(str(make_clip()))], [keeper], deblurring)
    pipeline.run()
    assert not pipeline.problems
    assert len([line for line in said if "handing over" in line]) == 1
    assert keeper.sequences == list(range(25))
    backends = [frame.engine.backend for frame in keeper.frames if frame.engine]
    assert (backends[0], backends[-1]) == ("torch", "openvino")
    assert pipeline.ledger.in_flight == 0
