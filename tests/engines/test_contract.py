"""What every engine promises, over every kind of engine that this machine has."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.engine import Engine, EngineShape, OverlappingEngine
from engines.errors import EngineError
from engines.profile import Profile
from engines.selection import _KINDS, Candidate, build_engine
from engines.selfcheck import fixed_frames, self_check

SHAPE = EngineShape(height=44, width=70, max_batch=3)
FRAMES = np.concatenate([fixed_frames(44, 70), fixed_frames(44, 70)[:1] // 2])


@pytest.fixture(scope="module", params=_KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def engine(
    request: pytest.FixtureRequest, balanced: Profile, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    """One of each kind, in its best precision."""
    backend, device, precisions = request.param
    try:
        best = precisions()[0]
    except EngineError as error:
        pytest.skip(str(error))
    candidate = Candidate(backend, best, device)
    return build_engine(candidate, balanced, SHAPE, cache=tmp_path_factory.mktemp("engines"))


def test_it_passes_its_self_check(engine: Engine, balanced: Profile, tmp_path: Path) -> None:
    assert self_check(engine, balanced, cache=tmp_path) >= 40


def test_it_says_what_it_is(engine: Engine) -> None:
    assert engine.facts.shape == SHAPE
    assert engine.facts.profile == "balanced"
    assert engine.facts.backend in ("tensorrt", "openvino", "torch")


def test_a_batch_is_its_frames(engine: Engine) -> None:
    together = engine(FRAMES)
    assert (together.dtype, together.shape) == (np.uint8, FRAMES.shape)
    alone = np.concatenate([engine(FRAMES[i : i + 1]) for i in range(3)])
    assert np.abs(together.astype(int) - alone).max() <= 2


def test_the_same_frames_give_the_same_pictures(engine: Engine) -> None:
    first = engine(FRAMES)
    engine(FRAMES[::-1].copy())
    assert np.array_equal(engine(FRAMES), first)


def test_results_are_new_and_stay(engine: Engine) -> None:
    first = engine(FRAMES[:1])
    kept = first.copy()
    engine(FRAMES[1:2])
    assert np.array_equal(first, kept)


def test_read_only_frames_are_taken_and_left_alone(engine: Engine) -> None:
    frames = FRAMES.copy()
    frames.flags.writeable = False
    engine(frames)
    assert np.array_equal(frames, FRAMES)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((1, 44, 71, 3), np.uint8),
        np.zeros((4, 44, 70, 3), np.uint8),
        np.zeros((0, 44, 70, 3), np.uint8),
        np.zeros((1, 44, 70, 3), np.float32),
    ],
)
def test_frames_that_do_not_fit_are_refused(engine: Engine, frames: NDArray[np.uint8]) -> None:
    with pytest.raises(EngineError, match="takes"):
        engine(frames)


def test_two_batches_may_be_under_way(engine: Engine) -> None:
    if not isinstance(engine, OverlappingEngine):
        pytest.skip("it works on the processor that hands it frames")
    one, two = engine.submit(FRAMES), engine.submit(FRAMES[:1])
    assert np.array_equal(engine.collect(one), engine(FRAMES))
    assert np.array_equal(engine.collect(two), engine(FRAMES[:1]))
