"""What every backend offers to the rest of the program."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError

Precision = Literal["f32", "bf16", "f16"]
PRECISIONS: tuple[Precision, ...] = ("f32", "bf16", "f16")

MAX_PIXELS = 4096 * 2304
"""Largest frame that an engine is built for; beyond it memory, then time, runs away."""


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
        if self.height * self.width > MAX_PIXELS:
            raise EngineError(
                f"frames of {self.width}x{self.height} are larger than an engine takes "
                "(4096x2304); make them smaller, for example with --size 1920x1080"
            )

    def __str__(self) -> str:
        return f"{self.width}x{self.height}, batch up to {self.max_batch}"


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


def check_frames(frames: NDArray[np.uint8], shape: EngineShape) -> None:
    """Raises EngineError where ``frames`` is not what an engine of this shape takes."""
    n = len(frames)
    if frames.dtype != np.uint8 or frames.shape[1:] != (shape.height, shape.width, 3):
        raise EngineError(f"got {frames.dtype} {frames.shape}; this engine takes uint8 ({shape})")
    if not 1 <= n <= shape.max_batch:
        raise EngineError(f"got {n} frames at once; this engine takes {shape}")
