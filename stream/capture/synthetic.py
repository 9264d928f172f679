"""A clocked source without hardware, with its frame number readable from the pixels.

The address is ``synthetic:640x480@30`` with options ``?seconds=10&stall=2+1.5&lose=0.05``:
stop after 10 s, give nothing for 1.5 s from second 2 on, lose 5 % of the frames. A rate of 0 gives
each frame as soon as it is asked for, like a file.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs

import numpy as np
from numpy.typing import NDArray

from stream.capture.source import Picture, Size, StreamInfo
from stream.errors import SourceError

_BITS = 32
_CELL_PX = 8
_MIN_SIZE = Size(_BITS // 2 * _CELL_PX, 2 * _CELL_PX)


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """A clock, a size, and faults on request.

    Attributes:
        fps: frames a second of its own clock; 0 waits for the reader instead.
        seconds: it ends after this long, None never.
        stall_at_s, stall_s: when it gives nothing, and for how long.
        lose: share of the frames that get lost, the same ones every time.
    """

    size: Size = Size(640, 480)
    fps: float = 30.0
    seconds: float | None = None
    stall_at_s: float = 0.0
    stall_s: float = 0.0
    lose: float = 0.0

    @classmethod
    def parse(cls, address: str) -> "SyntheticSettings":
        """Raises SourceError where the address is not understood."""
        head, _, query = address.partition("?")
        size, _, rate = head.partition("@")
        try:
            options = {key: values[-1] for key, values in parse_qs(query).items()}
            stall_at, _, stall = options.pop("stall", "0+0").replace(" ", "+").partition("+")
            seconds = options.pop("seconds", None)
            settings = cls(
                size=Size.parse(size) if size else Size(640, 480),
                fps=float(rate or 30),
                seconds=None if seconds is None else float(seconds),
                stall_at_s=float(stall_at),
                stall_s=float(stall),
                lose=float(options.pop("lose", 0)),
            )
        except ValueError as error:
            raise SourceError(f"synthetic:{address} is not understood: {error}") from None
        if options:
            raise SourceError(f"synthetic: has no option {', '.join(options)}")
        if settings.size.width < _MIN_SIZE.width or settings.size.height < _MIN_SIZE.height:
            raise SourceError(f"synthetic: needs at least {_MIN_SIZE} for its frame number")
        if settings.fps < 0 or not 0 <= settings.lose < 1:
            raise SourceError("synthetic: a rate is 0 or more, a loss in 0...1")
        return settings


class Synthetic:
    """A moving texture (see the module). Its clock starts with the first read, like a file's."""

    reconnects = False
    own_clock = False

    def __init__(self, settings: SyntheticSettings) -> None:
        self.name = "synthetic"
        self.uri = f"synthetic:{settings.size}@{settings.fps:g}"
        self.live = settings.fps > 0
        self._settings = settings

    def open(self) -> "SyntheticCapture":
        return SyntheticCapture(self._settings)


class SyntheticCapture:
    """The clock runs from the first picture on, whether or not anybody keeps up with it."""

    def __init__(self, settings: SyntheticSettings) -> None:
        self._settings = settings
        self._backdrop = _texture(settings.size)

    @property
    def info(self) -> StreamInfo:
        s = self._settings
        frames = None if s.seconds is None else round(s.seconds * (s.fps or 30))
        return StreamInfo(
            width=s.size.width,
            height=s.size.height,
            fps=s.fps or None,
            frames=frames,
            format="rgb24",
        )

    def pictures(self) -> Iterator[Picture]:
        s = self._settings
        random = np.random.default_rng(0)
        start_ns = time.perf_counter_ns()
        rate = s.fps or 30.0
        number = 0
        while s.seconds is None or number < s.seconds * rate:
            at_s = number / rate
            due_ns = start_ns + round(at_s * 1e9)
            now_ns = time.perf_counter_ns()
            if s.fps and due_ns > now_ns:
                time.sleep((due_ns - now_ns) / 1e9)
            stalled = s.stall_at_s <= at_s < s.stall_at_s + s.stall_s
            lost = s.lose > 0 and random.random() < s.lose
            if not (stalled or lost):
                captured_ns = due_ns if s.fps else time.perf_counter_ns()
                yield Picture(self._draw(number), at_s, captured_ns)
            number += 1

    def close(self) -> None:
        """Nothing is held open."""

    def _draw(self, number: int) -> NDArray[np.uint8]:
        width, height = self._settings.size.width, self._settings.size.height
        shift = number * 3 % width
        pixels = self._backdrop[:height, shift : shift + width].copy()
        write_number(pixels, number)
        return pixels


def write_number(pixels: NDArray[np.uint8], number: int) -> None:
    """Draw a number below 2**32 as black and white cells into the top left corner."""
    bits = [number >> i & 1 for i in range(_BITS)]
    cells = np.array(bits, dtype=np.uint8).reshape(2, -1) * 255
    corner = np.kron(cells, np.ones((_CELL_PX, _CELL_PX), np.uint8))
    pixels[: _MIN_SIZE.height, : _MIN_SIZE.width] = corner[:, :, None]


def read_number(pixels: NDArray[np.uint8]) -> int:
    """Read what :func:`write_number` drew; survives blur, deblurring and video codecs."""
    corner = pixels[: _MIN_SIZE.height, : _MIN_SIZE.width].mean(axis=2)
    cells = corner.reshape(2, _CELL_PX, _BITS // 2, _CELL_PX)[:, 2:-2, :, 2:-2].mean(axis=(1, 3))
    return sum(1 << i for i, value in enumerate(cells.ravel()) if value > 127)


def _texture(size: Size) -> NDArray[np.uint8]:
    """Blocks of many sizes, twice as wide as the picture so that it can scroll."""
    random = np.random.default_rng(7)
    canvas = np.zeros((size.height, size.width, 3), np.float32)
    for cell in (64, 16, 4):
        rows, columns = -(-size.height // cell), -(-size.width // cell)
        coarse = random.uniform(0, 255, (rows, columns, 3)).astype(np.float32)
        fine = coarse.repeat(cell, axis=0).repeat(cell, axis=1)[: size.height, : size.width]
        canvas = 0.5 * canvas + 0.5 * fine
    return np.concatenate([canvas, canvas], axis=1).astype(np.uint8)
