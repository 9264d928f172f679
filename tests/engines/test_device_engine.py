"""Batches on their way, here on the processor: the order of things is the same on a GPU."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from engines.device_engine import DeviceEngine
from engines.engine import EngineFacts, EngineShape, OverlappingEngine
from engines.errors import EngineError
from engines.profile import Profile
from engines.selfcheck import fixed_frames
from engines.torch import TorchEngine
from engines.torch_compile import faster

SHAPE = EngineShape(height=12, width=20, max_batch=3)


def frames(count: int, value: int) -> np.ndarray:
    return np.full((count, 12, 20, 3), value, np.uint8)


def runner(module: Callable[[Tensor], Tensor] = lambda x: x + 1) -> DeviceEngine:
    facts = EngineFacts(backend="torch", device="cpu", precision="f32", profile="", shape=SHAPE)
    return DeviceEngine(module, facts, torch.device("cpu"))


def test_batches_come_back_in_the_order_in_which_they_are_collected() -> None:
    lane = runner()
    first = lane.submit(frames(2, 10))
    second = lane.submit(frames(3, 20))
    assert np.array_equal(lane.collect(first), frames(2, 11))
    third = lane.submit(frames(1, 30))
    assert np.array_equal(lane.collect(second), frames(3, 21))
    assert np.array_equal(lane.collect(third), frames(1, 31))


def test_frames_are_copied_before_submit_returns() -> None:
    lane = runner()
    mine = frames(1, 5)
    ticket = lane.submit(mine)
    mine[:] = 99
    assert np.array_equal(lane.collect(ticket), frames(1, 6))


def test_results_are_not_overwritten_by_later_batches() -> None:
    lane = runner()
    kept = [lane(frames(1, value)) for value in range(6)]
    assert [int(result.max()) for result in kept] == [1, 2, 3, 4, 5, 6]


def test_a_third_batch_is_refused_until_one_is_collected() -> None:
    lane = runner()
    first = lane.submit(frames(1, 1))
    lane.submit(frames(1, 2))
    with pytest.raises(EngineError, match="collect one first"):
        lane.submit(frames(1, 3))
    lane.collect(first)
    lane.submit(frames(1, 3))


def test_a_batch_is_collected_once() -> None:
    lane = runner()
    ticket = lane.submit(frames(1, 1))
    lane.collect(ticket)
    with pytest.raises(EngineError, match="collected before"):
        lane.collect(ticket)


def test_device_that_fails_is_an_engine_error_and_holds_no_place() -> None:
    def fails(x: Tensor) -> Tensor:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    lane = runner(fails)
    for _ in range(3):
        with pytest.raises(EngineError, match="illegal memory access"):
            lane.submit(frames(1, 1))


def test_frames_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EngineError, match="takes"):
        runner().submit(frames(4, 1))


def test_torch_engine_overlaps_and_gives_what_a_call_gives(balanced: Profile) -> None:
    shape = EngineShape(height=40, width=56, max_batch=2)
    engine = TorchEngine(balanced, shape, "f32")
    assert isinstance(engine, OverlappingEngine)
    given = fixed_frames(40, 56)
    one, two = engine.submit(given), engine.submit(given[::-1])
    forward, backward = engine.collect(one), engine.collect(two)
    assert np.array_equal(forward, engine(given))
    assert np.array_equal(backward, forward[::-1])
    assert engine.stage_times(one) is None, "a processor has no clock of its own"


def test_missing_device_is_named(balanced: Profile) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    with pytest.raises(EngineError, match="cuda"):
        TorchEngine(balanced, EngineShape(height=40, width=56), "f16", device="cuda")


class Doubled(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2


def test_compiler_that_fails_leaves_eager_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: torch.nn.Module) -> Callable[[Tensor], Tensor]:
        def call(x: Tensor) -> Tensor:
            raise RuntimeError("Failed to find C compiler.\nPlease specify via CC")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    said: list[str] = []
    module = Doubled()
    assert faster(module, torch.zeros(1, 4), say=said.append) is module
    assert said[-1] == "torch.compile does not work here: Failed to find C compiler."


@pytest.mark.parametrize("quicker", ["eager", "compiled"])
def test_the_faster_of_the_two_is_taken(monkeypatch: pytest.MonkeyPatch, quicker: str) -> None:
    clock = {"eager": 10.0, "compiled": 20.0} | {quicker: 1.0}
    module = Doubled()
    monkeypatch.setattr(torch, "compile", lambda m: lambda x: x * 2)
    monkeypatch.setattr(
        "engines.torch_compile._median_ms",
        lambda call, x: clock["eager" if call is module else "compiled"],
    )
    said: list[str] = []
    taken = faster(module, torch.zeros(1, 4), say=said.append)
    assert (taken is module) == (quicker == "eager")
    assert f"{quicker} is taken" in said[-1]
