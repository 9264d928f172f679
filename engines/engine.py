"""What every backend offers to the rest of the program."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError

Precision = Literal["f32", "bf16", "f16", "i8"]
"""Of the numbers that are multiplied: 32 and 16 bit floats, and 8 bit integers where a layer takes
long."""

MAX_PIXELS = 4096 * 2304
"""Largest frame that an engine is built for; beyond it memory, then time, runs away."""


def size_problem(height: int, width: int) -> str | None:
    """Why no engine is built for frames of this size; None where one is."""
    if height * width <= MAX_PIXELS:
        return None
    return (
        f"frames of {width}x{height} are larger than an engine takes (4096x2304); "
        "make them smaller, for example with --size 1920x1080"
    )


@dataclass(frozen=True, kw_only=True)
class EngineShape:
    """Frames of ``height`` x ``width`` pixels, ``max_batch`` of them at most.

    Raises:
        EngineError: no engine is built for such frames.
    """

    height: int
    width: int
    max_batch: int = 1

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or self.max_batch < 1:
            raise EngineError(f"an engine of {self} makes no sense")
        if (problem := size_problem(self.height, self.width)) is not None:
            raise EngineError(problem)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}, batch up to {self.max_batch}"


@dataclass(frozen=True, kw_only=True)
class StageTimes:
    """How long a batch took on a device: bytes up, computation, bytes down."""

    upload_ms: float
    compute_ms: float
    download_ms: float


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """What runs, for statistics and for the user's eyes."""

    backend: str
    device: str
    precision: Precision
    profile: str
    shape: EngineShape


class Engine(Protocol):
    """A compiled network for one frame size. One thread owns an engine."""

    @property
    def facts(self) -> EngineFacts: ...

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Deblur uint8 (N, H, W, 3) RGB frames, 1 <= N <= max_batch, into a new array.

        Raises:
            EngineError: the frames do not fit, or the backend failed.
        """
        ...


@dataclass(frozen=True)
class Ticket:
    """A batch that was handed in, to be collected once.

    Attributes:
        number: counts the batches that were handed in to an engine.
        frames: how many it holds.
    """

    number: int
    frames: int


@runtime_checkable
class OverlappingEngine(Engine, Protocol):
    """An engine on a device of its own, which may be handed a batch while it works on another."""

    def submit(self, frames: NDArray[np.uint8]) -> Ticket:
        """Start on frames as for a call and return at once; at most two batches are under way.

        Raises:
            EngineError: as a call, or two are under way already.
        """
        ...

    def collect(self, ticket: Ticket) -> NDArray[np.uint8]:
        """Wait for a batch that was handed in, and take it, once.

        Raises:
            EngineError: the backend failed, or the batch was collected before.
        """
        ...

    def stage_times(self, ticket: Ticket) -> StageTimes | None:
        """Of a batch that was collected last; None where the device has no clock of its own."""
        ...


def check_frames(frames: NDArray[np.uint8], shape: EngineShape) -> None:
    """Raises EngineError where ``frames`` is not what an engine of this shape takes."""
    n = len(frames)
    if frames.dtype != np.uint8 or frames.shape[1:] != (shape.height, shape.width, 3):
        raise EngineError(f"got {frames.dtype} {frames.shape}; this engine takes uint8 ({shape})")
    if not 1 <= n <= shape.max_batch:
        raise EngineError(f"got {n} frames at once; this engine takes {shape}")
