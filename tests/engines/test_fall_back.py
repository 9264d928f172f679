"""Engines that fail on purpose, wherever one can: the next one takes over, and it is said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engines import selection
from engines.accelerators import NvidiaGPU
from engines.cache import kept_engines
from engines.engine import Engine, EngineFacts, EngineShape
from engines.errors import EngineError
from engines.openvino import OpenVINOEngine
from engines.pool import EnginePool
from engines.profile import Profile
from engines.selection import Candidate, build_engine, choose_engine, survey
from engines.verified import verified
from tests.conftest import run_python

SHAPE = EngineShape(height=64, width=80)
GPU = NvidiaGPU(name="NVIDIA A", capability=(8, 9), cuda="13.0", memory_gib=24)


class OnGPU:
    """OpenVINO's answers under the name of an engine on a GPU; broken on request."""

    def __init__(self, candidate: Candidate, profile: Profile, shape: EngineShape) -> None:
        self._engine = OpenVINOEngine(profile, shape, "f32")
        self.facts = EngineFacts(
            backend=candidate.backend,
            device="cuda (NVIDIA A)",
            precision=candidate.precision,
            profile=profile.name,
            shape=shape,
        )
        self.broken: str | None = None
        self.noise = 0

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.broken:
            raise EngineError(self.broken)
        right = self._engine(frames).astype(int)
        random = np.random.default_rng(0).integers(-self.noise, self.noise + 1, right.shape)
        return np.clip(right + random, 0, 255).astype(np.uint8)


Breaking = Callable[[Candidate, OnGPU], None]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[Breaking], list[OnGPU]]:
    """A machine that seems to have a GPU, whose engines are broken as told."""

    def put_in(breaking: Breaking) -> list[OnGPU]:
        made: list[OnGPU] = []

        def build(
            candidate: Candidate, profile: Profile, shape: EngineShape, **more: object
        ) -> Engine:
            if candidate.device != "cuda":
                return build_engine(candidate, profile, shape)
            engine = OnGPU(candidate, profile, shape)
            made.append(engine)
            breaking(candidate, engine)
            return engine

        monkeypatch.setattr(selection, "nvidia_gpu", lambda: GPU)
        monkeypatch.setattr(selection, "tensorrt_version", lambda: "2.13.0")
        monkeypatch.setattr(selection, "build_engine", build)
        return made

    return put_in


def sound(candidate: Candidate, engine: OnGPU) -> None:
    pass


def does_not_build(candidate: Candidate, engine: OnGPU) -> None:
    if candidate.backend == "tensorrt":
        raise EngineError("TensorRT cannot compile balanced: out of memory")


def is_wrong(candidate: Candidate, engine: OnGPU) -> None:
    engine.noise = 30 if candidate.backend == "tensorrt" else 0


def dies_in_its_self_check(candidate: Candidate, engine: OnGPU) -> None:
    engine.broken = "CUDA error: an illegal memory access was encountered"


def test_order_is_tensorrt_torch_openvino(gpu: Callable[[Breaking], list[OnGPU]]) -> None:
    gpu(sound)
    tried = [str(candidate) for candidate in survey("auto", "auto").candidates]
    on_gpu = ["tensorrt bf16", "tensorrt f16", "tensorrt f32", "torch bf16", "torch f16"]
    assert tried[:5] == [f"{name} on cuda" for name in on_gpu]
    assert tried.index("torch f32 on cuda") < tried.index("openvino f32") < tried.index("torch f32")


def test_sound_engine_on_a_gpu_is_taken_and_vouched_for(
    quick: Profile, tmp_path: Path, gpu: Callable[[Breaking], list[OnGPU]]
) -> None:
    gpu(sound)
    chosen = choose_engine(quick, SHAPE, cache=tmp_path)
    assert chosen.candidate == Candidate("tensorrt", "bf16", "cuda")
    (name,) = verified(tmp_path)
    assert name == "tensorrt bf16 on cuda, cuda (NVIDIA A)"


@pytest.mark.parametrize(
    ("breaking", "reason", "taken"),
    [
        (does_not_build, "out of memory", Candidate("torch", "bf16", "cuda")),
        (is_wrong, "self-check: only", Candidate("torch", "bf16", "cuda")),
        (dies_in_its_self_check, "illegal memory access", None),
    ],
)
def test_failure_at_the_start_hands_over_with_a_line(
    quick: Profile,
    tmp_path: Path,
    gpu: Callable[[Breaking], list[OnGPU]],
    breaking: Breaking,
    reason: str,
    taken: Candidate | None,
) -> None:
    gpu(breaking)
    said: list[str] = []
    chosen = choose_engine(quick, SHAPE, cache=tmp_path, say=said.append)
    if taken is None:
        assert chosen.candidate.device == "cpu"
    else:
        assert chosen.candidate == taken
    assert said[0].startswith("tensorrt bf16 on cuda is not used: ")
    assert reason in said[0]
    assert [refusal.candidate.backend for refusal in chosen.refused][:3] == ["tensorrt"] * 3
    assert not any(name.startswith("tensorrt") for name in verified(tmp_path))


def test_kept_engine_that_does_not_load_is_built_again(quick: Profile, tmp_path: Path) -> None:
    first = choose_engine(quick, SHAPE, backend="openvino", cache=tmp_path)
    for kept in kept_engines(tmp_path):
        kept.file.write_bytes(b"foreign")
    said: list[str] = []
    again = choose_engine(quick, SHAPE, backend="openvino", cache=tmp_path, say=said.append)
    assert again.candidate == first.candidate
    assert "building it again" in said[0]


def test_gpu_that_failed_is_left_alone_by_every_size(
    quick: Profile, gpu: Callable[[Breaking], list[OnGPU]]
) -> None:
    made = gpu(sound)
    said: list[str] = []
    pool = EnginePool(quick, say=said.append)
    chosen = pool.engine_for(64, 80)
    assert chosen.candidate.device == "cuda"
    pool.give_up(chosen, "the device is gone")
    following = pool.engine_for(64, 80)
    assert following.candidate.device == "cpu"
    assert pool.engine_for(40, 48).candidate.device == "cpu"
    assert len(made) == 1, "nothing more was tried on it"
    assert said == [
        "tensorrt bf16 on cuda failed: the device is gone; handing over to the next engine"
    ]
    assert "failed there" in following.refused[-1].reason


def test_as_many_sizes_as_there_are_sources_are_kept(quick: Profile) -> None:
    """And the squares around a hand: sizes that come in turns must not push each other out."""
    pool = EnginePool(quick, backend="openvino", max_batch=2)
    sizes = [(40, 48), (48, 40), (48, 56), (56, 48), (56, 64)]
    first = [pool.engine_for(*size) for size in sizes]
    assert [pool.engine_for(*size) for size in sizes] == first


def test_what_is_not_here_is_told_with_its_reason(quick: Profile) -> None:
    chosen = choose_engine(quick, SHAPE)
    for absence in chosen.absent:
        assert absence.reason
    if chosen.candidate.backend != "tensorrt":
        assert any(absence.engine == "tensorrt on cuda" for absence in chosen.absent)


def test_errors_of_nobodys_kind_hand_over_too(
    quick: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drivers and compilers raise what they like."""
    torch = pytest.importorskip("engines.torch")

    def breaks(*_: object, **__: object) -> None:
        raise KeyError("a compiler's own")

    monkeypatch.setattr(torch.TorchEngine, "__init__", breaks)
    monkeypatch.setattr(selection, "_KINDS", [selection._KINDS[-1], selection._KINDS[-2]])
    said: list[str] = []
    chosen = choose_engine(quick, SHAPE, cache=tmp_path, say=said.append)
    assert chosen.candidate.backend == "openvino"
    line, compiling = said
    assert compiling.startswith("compiling the engine for ")
    assert line.startswith("torch f32 is not used: torch f32 cannot be built: KeyError")


def test_the_last_resort_waits_for_no_compiler() -> None:
    """A run that loses its engine stands still until torch is there; its compiler takes seconds."""
    pytest.importorskip("torch", reason="the last resort is torch")
    result = run_python(
        "import sys\n"
        "from engines.engine import EngineShape\n"
        "from engines.profile import load_profile\n"
        "from engines.torch import TorchEngine\n"
        "TorchEngine(load_profile('fast'), EngineShape(height=64, width=80), 'f32')\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    assert result.stdout.strip() == "False", result.stderr
