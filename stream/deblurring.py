"""The middle of the pipeline: which frames go through the engine, in which batches."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engines.engine import EngineFacts, OverlappingEngine, Ticket, size_problem
from engines.errors import EngineError
from engines.pool import EnginePool
from engines.selection import ChosenEngine
from stream.blur import BLUR_GATE, CHANGE_GATE, Gate, blur_measure, change_measure
from stream.frame import Frame, ProcessedFrame
from stream.region import Region

DeblurMode = Literal["auto", "on", "off"]
DEBLUR_MODES: tuple[DeblurMode, ...] = ("auto", "on", "off")


class Deblurring:
    """Owned by the engine's thread; ``mode`` may be set, and ``misfit`` asked, from any other.

    Frames that are too large for an engine pass as they came; see to it with ``misfit`` that there
    are none, unless it began with ``off``.

    Attributes:
        mode: ``on`` deblurs every frame, ``off`` none, ``auto`` those that are not sharp.
        chosen: the engine that was used last, None before the first.
        region_of: the part of a frame that the engine is to work on, None for all of it.
        region_sides: regions are squares of these sides, in pixels.
        while_building: what is to hold while an engine is built.
        building: an engine is being built, or read from where it is kept, and frames wait.
        builds: how often that was so.
    """

    def __init__(self, engines: Callable[[], EnginePool], mode: DeblurMode) -> None:
        self._make_pool = engines
        self._pool: EnginePool | None = None
        self._blur_gates: dict[str, Gate] = {}
        self._change_gates: dict[str, Gate] = {}
        self.mode: DeblurMode = mode
        self._takes_any_size = mode == "off"
        self.chosen: ChosenEngine | None = None
        self.region_of: Callable[[Frame], Region | None] = lambda frame: None
        self.region_sides: tuple[int, ...] = ()
        self.while_building: Callable[[], AbstractContextManager[None]] = nullcontext
        self.building = False
        self.builds = 0

    def misfit(self, height: int, width: int) -> str | None:
        """Why frames of a size cannot be deblurred; None where they can, or were not to be when it
        began."""
        return None if self._takes_any_size else size_problem(height, width)

    def is_ready(self, height: int, width: int) -> bool:
        """Whether frames of a size need not wait for an engine to be built."""
        pool = self._pool
        wanted = [] if self.mode == "off" else self._engine_sizes(height, width)
        return all(pool is not None and pool.has(*size) for size in wanted)

    def prepare(self, height: int, width: int) -> None:
        """Build the engines for a size before its frames come, unless deblurring is off.

        Raises:
            EngineError, ProfileError: one cannot be built.
        """
        if self.mode == "off":
            return
        for size in self._engine_sizes(height, width):
            self.chosen = self._engine(*size)

    def process(self, frames: list[Frame]) -> list[ProcessedFrame]:
        """Deblur frames of several sources, those of one size in one batch.

        Raises:
            EngineError: no engine can be built for their size, or none is left that works.
        """
        return self.finish(self.begin(frames))

    def begin(self, frames: list[Frame]) -> "Begun":
        """Start on frames as :meth:`process` does.

        An engine on a device of its own works on them while the caller does something else; others
        work in :meth:`finish`. At most two may be begun, and the first is to be finished first.

        Raises:
            EngineError: no engine can be built for their size.
        """
        taken_ns = time.perf_counter_ns()
        parts = sorted((self._part(frame) for frame in frames), key=_size)
        groups = [self._begin_group(size, list(group)) for size, group in groupby(parts, key=_size)]
        return Begun(groups, taken_ns)

    def finish(self, begun: "Begun") -> list[ProcessedFrame]:
        """Wait for what was begun.

        Raises:
            EngineError: no engine is left that works.
        """
        return [
            frame for group in begun.groups for frame in self._finish_group(group, begun.taken_ns)
        ]

    def _part(self, frame: Frame) -> "_Part":
        region = self.region_of(frame)
        pixels = frame.pixels if region is None else region.cut(frame.pixels)
        return _Part(frame, region, pixels)

    def _begin_group(self, size: tuple[int, int], parts: list["_Part"]) -> "_Group":
        looks = [self._look(part) for part in parts]
        wanted = [p for p, (engaged, _) in zip(parts, looks, strict=True) if engaged]
        group = _Group(size, parts, looks)
        if wanted:
            group.batch = wanted[0].pixels[None]
            if len(wanted) > 1:
                group.batch = np.stack([part.pixels for part in wanted])
            group.under_way = self._handed_in(self._engine(*size), group.batch)
        return group

    def _finish_group(self, group: "_Group", taken_ns: int) -> Iterator[ProcessedFrame]:
        deblurred: Iterator[NDArray[np.uint8]] = iter(())
        facts: EngineFacts | None = None
        if group.batch is not None:
            deblurred = iter(self._deblurred(group))
            assert self.chosen is not None
            facts = self.chosen.engine.facts
        for part, (engaged, blur) in zip(group.parts, group.looks, strict=True):
            pixels = next(deblurred) if engaged else part.pixels
            taken = engaged and self._is_worth_showing(part, pixels)
            yield ProcessedFrame(
                captured=part.frame,
                pixels=part.whole(pixels) if taken else part.frame.pixels,
                bypassed=not taken,
                blur=blur,
                taken_ns=taken_ns,
                finished_ns=time.perf_counter_ns(),
                engine=facts if taken else None,
                region=part.region,
            )

    def _deblurred(self, group: "_Group") -> NDArray[np.uint8]:
        """By the engine for this size; where it fails, by the next one that passes its check."""
        assert group.batch is not None
        if group.under_way is not None:
            self.chosen, engine, ticket = group.under_way
            try:
                return engine.collect(ticket)
            except EngineError as error:
                self._give_up(self.chosen, error)
        while True:
            self.chosen = self._engine(*group.size)
            try:
                return self.chosen.engine(group.batch)
            except EngineError as error:
                self._give_up(self.chosen, error)

    def _handed_in(
        self, chosen: ChosenEngine, batch: NDArray[np.uint8]
    ) -> "tuple[ChosenEngine, OverlappingEngine, Ticket] | None":
        """A batch that a device works on; None where none does, or it failed just now."""
        if not isinstance(chosen.engine, OverlappingEngine):
            return None
        try:
            return chosen, chosen.engine, chosen.engine.submit(batch)
        except EngineError as error:
            self._give_up(chosen, error)
            return None

    def _give_up(self, chosen: ChosenEngine, error: EngineError) -> None:
        assert self._pool is not None
        self._pool.give_up(chosen, str(error))

    def _look(self, part: "_Part") -> tuple[bool, float | None]:
        """Whether the engine is to see it, and how blurred it looks."""
        mode = self.mode
        if size_problem(*_size(part)) is not None:
            return False, None
        if mode != "auto":
            return mode == "on", None
        blur = blur_measure(part.pixels)
        source = part.frame.source
        gate = self._blur_gates.get(source, BLUR_GATE).after(blur)
        self._blur_gates[source] = gate
        return gate.engaged, blur

    def _is_worth_showing(self, part: "_Part", deblurred: NDArray[np.uint8]) -> bool:
        if self.mode != "auto":
            return True
        change = change_measure(part.pixels, deblurred)
        source = part.frame.source
        gate = self._change_gates.get(source, CHANGE_GATE).after(change)
        self._change_gates[source] = gate
        return gate.engaged

    def _engine_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Of the engines for frames of a size, that of the whole frame last."""
        squares = [(side, side) for side in self.region_sides if side <= min(height, width)]
        return [size for size in [*squares, (height, width)] if size_problem(*size) is None]

    def _engine(self, height: int, width: int) -> ChosenEngine:
        if self._pool is not None and self._pool.has(height, width):
            return self._pool.engine_for(height, width)
        self.building = True
        try:
            with self.while_building():
                if self._pool is None:
                    self._pool = self._make_pool()
                return self._pool.engine_for(height, width)
        finally:
            self.builds += 1
            self.building = False


@dataclass(frozen=True, eq=False)
class Begun:
    """Frames that the engine has, or will have in :meth:`Deblurring.finish`."""

    groups: list["_Group"]
    taken_ns: int

    @property
    def frames(self) -> list[Frame]:
        return [part.frame for group in self.groups for part in group.parts]

    @property
    def on_a_device(self) -> bool:
        """Whether something works on them now, while the caller does something else."""
        return any(group.under_way is not None for group in self.groups)


@dataclass(eq=False)
class _Group:
    """Parts of one size: what the gate said of each, and the batch of those that are wanted."""

    size: tuple[int, int]
    parts: list["_Part"]
    looks: list[tuple[bool, float | None]]
    batch: NDArray[np.uint8] | None = None
    under_way: tuple[ChosenEngine, OverlappingEngine, Ticket] | None = None


@dataclass(frozen=True, eq=False)
class _Part:
    """What the engine is to see of a frame: all of it, or a region."""

    frame: Frame
    region: Region | None
    pixels: NDArray[np.uint8]

    def whole(self, deblurred: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame with this part of it deblurred."""
        if self.region is None:
            return deblurred
        return self.region.put_back(self.frame.pixels, deblurred)


def _size(part: _Part) -> tuple[int, int]:
    return int(part.pixels.shape[0]), int(part.pixels.shape[1])
