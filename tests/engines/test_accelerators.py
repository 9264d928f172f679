"""What is said of GPUs where there are none, and what is tried on which."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

import pytest

from engines import accelerators
from engines.accelerators import NvidiaGPU, nvidia_gpu, tensorrt_version
from engines.errors import EngineError


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What was found out in one test is not believed in the next."""
    nvidia_gpu.cache_clear()
    yield
    nvidia_gpu.cache_clear()


@pytest.mark.parametrize(
    ("capability", "precisions"),
    [
        ((12, 0), ("bf16", "f16", "f32")),
        ((8, 0), ("bf16", "f16", "f32")),
        ((7, 5), ("f16", "f32")),
        ((6, 1), ("f32",)),
    ],
)
def test_precisions_are_what_tensor_cores_multiply(
    capability: tuple[int, int], precisions: tuple[str, ...]
) -> None:
    assert NvidiaGPU("A", capability, "13.0", 8.0).precisions == precisions


def test_without_a_driver_torch_is_not_even_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "nvidia_driver", lambda: False)
    monkeypatch.setattr(accelerators, "find_spec", lambda name: pytest.fail("torch is looked for"))
    with pytest.raises(EngineError, match="no NVIDIA driver"):
        nvidia_gpu()


def test_driver_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerators, "nvidia_driver", lambda: True)
    monkeypatch.setattr(accelerators, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"blur2blur-live\[tensorrt\]"):
        nvidia_gpu()


def test_driver_with_a_torch_for_processors_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    if torch.version.cuda is not None:
        pytest.skip("this torch has CUDA")
    monkeypatch.setattr(accelerators, "nvidia_driver", lambda: True)
    with pytest.raises(EngineError, match="built without CUDA"):
        nvidia_gpu()


def test_missing_torch_tensorrt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(accelerators, "version", missing)
    with pytest.raises(EngineError, match="torch-tensorrt is not installed"):
        tensorrt_version()
