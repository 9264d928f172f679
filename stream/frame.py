"""What flows: a captured frame, and the same frame after the engine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.engine import EngineFacts
from stream.hands.landmarks import TrackedFrame
from stream.region import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """One picture from one source.

    Attributes:
        pixels: uint8 (H, W, 3) RGB, contiguous, never written to.
        source: the source's name.
        sequence: counts the frames that the source gave, from 0; gaps downstream show drops.
        pts_s: the source's presentation timestamp in seconds.
        captured_ns: ``perf_counter_ns`` as early as the source allows.
        posted_ns: when the decoded frame was handed to the engine's mailbox.
        fps: the source's nominal frame rate, None where it does not tell.
    """

    pixels: NDArray[np.uint8]
    source: str
    sequence: int
    pts_s: float
    captured_ns: int
    posted_ns: int
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(f"pixels are {self.pixels.dtype} {self.pixels.shape}, not (H, W, 3)")
        self.pixels.flags.writeable = False

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def __repr__(self) -> str:
        size = f"{self.width}x{self.height}"
        return f"Frame({self.source} #{self.sequence}, {size}, pts {self.pts_s:.3f} s)"


@dataclass(frozen=True, eq=False, kw_only=True)
class ProcessedFrame:
    """A frame with what is to be shown of it.

    Attributes:
        captured: the frame as it came.
        pixels: uint8 (H, W, 3) RGB: deblurred, or the captured pixels where ``bypassed``.
        bypassed: shown as captured, because the frame is sharp or deblurring is off.
        blur: the blur measure in 0...1 that decided, None where nothing was measured.
        taken_ns: when the engine took the frame out of its mailbox.
        finished_ns: when the engine was done with it.
        engine: what deblurred it, None where ``bypassed``.
        hands: the newest landmarks when it was handed on, which on a live source are those of an
            earlier frame; None where hands are not tracked.
        region: the part of the frame that the engine saw, None for all of it.
    """

    captured: Frame
    pixels: NDArray[np.uint8]
    bypassed: bool
    blur: float | None
    taken_ns: int
    finished_ns: int
    engine: EngineFacts | None = None
    hands: TrackedFrame | None = None
    region: Region | None = None

    def __post_init__(self) -> None:
        self.pixels.flags.writeable = False
