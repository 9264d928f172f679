"""The middle of the pipeline: which frames go through the engine, in which batches."""

import time
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engines.engine import EngineFacts
from engines.pool import EnginePool
from engines.selection import ChosenEngine
from stream.blur import BLUR_GATE, CHANGE_GATE, Gate, blur_measure, change_measure
from stream.frame import Frame, ProcessedFrame

DeblurMode = Literal["auto", "on", "off"]
DEBLUR_MODES: tuple[DeblurMode, ...] = ("auto", "on", "off")


class Deblurring:
    """Owned by the engine's thread; ``mode`` may be set from any other.

    Attributes:
        mode: ``on`` deblurs every frame, ``off`` none, ``auto`` those that are not sharp.
        chosen: the engine that was used last, None before the first.
    """

    def __init__(self, engines: Callable[[], EnginePool], mode: DeblurMode) -> None:
        self._make_pool = engines
        self._pool: EnginePool | None = None
        self._blur_gates: dict[str, Gate] = {}
        self._change_gates: dict[str, Gate] = {}
        self.mode: DeblurMode = mode
        self.chosen: ChosenEngine | None = None

    def prepare(self, height: int, width: int) -> None:
        """Build the engine for a size before its frames come, unless deblurring is off.

        Raises:
            EngineError, ProfileError: it cannot be built.
        """
        if self.mode != "off":
            self.chosen = self._engine(height, width)

    def process(self, frames: list[Frame]) -> list[ProcessedFrame]:
        """Deblur frames of several sources, those of one size in one batch.

        Raises:
            EngineError: no engine can be built for their size, or it failed.
        """
        taken_ns = time.perf_counter_ns()
        processed: list[ProcessedFrame] = []
        by_size = sorted(frames, key=_size)
        for size, group in groupby(by_size, key=_size):
            processed += self._process_group(size, list(group), taken_ns)
        return processed

    def _process_group(
        self, size: tuple[int, int], frames: list[Frame], taken_ns: int
    ) -> Iterator[ProcessedFrame]:
        looks = [self._look(frame) for frame in frames]
        wanted = [f for f, (engaged, _) in zip(frames, looks, strict=True) if engaged]
        deblurred: Iterator[NDArray[np.uint8]] = iter(())
        facts: EngineFacts | None = None
        if wanted:
            self.chosen = self._engine(*size)
            batch = wanted[0].pixels[None]
            if len(wanted) > 1:
                batch = np.stack([frame.pixels for frame in wanted])
            deblurred = iter(self.chosen.engine(batch))
            facts = self.chosen.engine.facts
        for frame, (engaged, blur) in zip(frames, looks, strict=True):
            pixels = next(deblurred) if engaged else frame.pixels
            taken = engaged and self._is_worth_showing(frame, pixels)
            yield ProcessedFrame(
                captured=frame,
                pixels=pixels if taken else frame.pixels,
                bypassed=not taken,
                blur=blur,
                taken_ns=taken_ns,
                finished_ns=time.perf_counter_ns(),
                engine=facts if taken else None,
            )

    def _look(self, frame: Frame) -> tuple[bool, float | None]:
        """Whether the engine is to see it, and how blurred it looks."""
        mode = self.mode
        if mode != "auto":
            return mode == "on", None
        blur = blur_measure(frame.pixels)
        gate = self._blur_gates.get(frame.source, BLUR_GATE).after(blur)
        self._blur_gates[frame.source] = gate
        return gate.engaged, blur

    def _is_worth_showing(self, frame: Frame, deblurred: NDArray[np.uint8]) -> bool:
        if self.mode != "auto":
            return True
        change = change_measure(frame.pixels, deblurred)
        gate = self._change_gates.get(frame.source, CHANGE_GATE).after(change)
        self._change_gates[frame.source] = gate
        return gate.engaged

    def _engine(self, height: int, width: int) -> ChosenEngine:
        if self._pool is None:
            self._pool = self._make_pool()
        return self._pool.engine_for(height, width)


def _size(frame: Frame) -> tuple[int, int]:
    return frame.height, frame.width
