"""What this machine has beside its processor, as far as it decides which engines are tried.

Importing torch costs seconds, so it is only imported where a driver says that it is worth it.
"""

import ctypes
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from engines.engine import Precision
from engines.errors import EngineError

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_BF16_SINCE = (8, 0)
_F16_SINCE = (7, 0)
"""Compute capabilities from which tensor cores multiply bf16 (Ampere) and f16 (Volta)."""


@dataclass(frozen=True)
class NvidiaGPU:
    """The GPU that torch uses.

    Attributes:
        capability: its compute capability, such as (8, 9).
        cuda: the CUDA version that torch was built with.
        memory_gib: of the device.
    """

    name: str
    capability: tuple[int, int]
    cuda: str
    memory_gib: float

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """What is worth trying, best first.

        bf16 before f16: both are as fast, and bf16 overflows nowhere; what it rounds is seen by
        the self-check.
        """
        if self.capability >= _BF16_SINCE:
            return "bf16", "f16", "f32"
        return ("f16", "f32") if self.capability >= _F16_SINCE else ("f32",)

    def __str__(self) -> str:
        major, minor = self.capability
        return f"{self.name} (compute capability {major}.{minor}, {self.memory_gib:.0f} GiB)"


@cache
def nvidia_driver() -> bool:
    """Whether an NVIDIA driver is installed here; asks neither torch nor the GPU."""
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True


@cache
def nvidia_gpu() -> NvidiaGPU:
    """The GPU that torch would use.

    Raises:
        EngineError: there is none, or torch cannot use it; the message says what is missing.
    """
    if not nvidia_driver():
        raise EngineError("there is no NVIDIA driver on this machine")
    require_torch("tensorrt")
    import torch

    if torch.version.cuda is None:
        raise EngineError(
            f"torch {torch.__version__} is built without CUDA; install its CUDA build"
        )
    if not torch.cuda.is_available():
        raise EngineError(f"torch {torch.__version__} sees no GPU that it can use; try nvidia-smi")
    try:
        properties = torch.cuda.get_device_properties(0)
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"torch {torch.__version__} cannot use the GPU: {error}") from error
    return NvidiaGPU(
        name=properties.name,
        capability=(properties.major, properties.minor),
        cuda=torch.version.cuda,
        memory_gib=properties.total_memory / 2**30,
    )


@cache
def apple_gpu() -> None:
    """Make sure that torch can use Apple's GPU (`mps`).

    Raises:
        EngineError: there is none, or torch cannot use it.
    """
    if sys.platform != "darwin":
        raise EngineError("this is not a Mac")
    require_torch("train")
    import torch

    if not torch.backends.mps.is_available():
        raise EngineError(f"torch {torch.__version__} sees no Apple GPU")


def require_torch(extra: str) -> None:
    """Raises EngineError where torch is not installed, and names the extra that brings it."""
    if find_spec("torch") is None:
        raise EngineError(
            f"torch is not installed; pip install 'blur2blur-live[{extra}]' brings it"
        )


def tensorrt_version() -> str:
    """The version of torch-tensorrt that is installed, without loading it.

    Raises:
        EngineError: it is not installed.
    """
    try:
        return version("torch-tensorrt")
    except PackageNotFoundError:
        raise EngineError(
            "torch-tensorrt is not installed; pip install 'blur2blur-live[tensorrt]' brings it"
        ) from None
