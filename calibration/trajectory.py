"""Where the picture of something wanders on the sensor during one exposure.

A random walk: its velocity has inertia, is pulled to a place that it swings about, shivers, and now
and then jerks into another direction (after the motion model of Boracchi and Foi, "Modeling the
performance of image restoration from motion blur", IEEE TIP 2012). The kernel is the time that the
trajectory spends over each pixel. The truth that belongs to a blurred picture is the one at the
middle of the exposure, so the trajectory is moved to pass through the kernel's centre at that time.

How tangled the trajectories are is a choice. A camera at 30 frames a second exposes for 33 ms at
most, a third of a cycle of a hand's tremor (8 to 12 Hz), so what it sees of a swing is anything
from a straight and even stretch to a turn, wherever in the exposure that falls; velocity is
remembered for one to ten exposures, and one exposure in three sees a jerk (on average). It must
not begin at the same moment of a swing each time: the truth then lies where the path turns,
networks look for it there, and do nothing for a hand that moves straight on. With ten times less
memory the middle of a tangled path cannot be seen in the picture, networks paint an average over
the places where it may have been, and learn half as fast. Where the centroid is the origin
instead, there is less to find out; a training may begin there.

A hand that goes somewhere is simpler: in 33 ms it moves in a line or a slight arc, faster or slower
towards the end. Such movements can be told apart much better, as there are few of them: by one
window's spectrum the mean cross-entropy of the displacements (calibration.motion) is 0.5 nats above
its least, and 0.95 for random walks; knowing nothing, it is 1.85 for both.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Origin = Literal["mid-exposure", "centroid"]

_STEPS = 256
_LONGEST_SWING = 2 * np.pi / 3
"""The part of a tremor's cycle that one exposure sees at most, in radians."""
_MIDDLE_OF_SWING = 1.2
"""How far from the swing's fastest moment the middle of the exposure may lie, in radians."""
_MEMORY_STEPS = (300.0, 3000.0)
_JERKS = (0.0, 0.0, 1.0)
_ACCELERATION = 0.6
_BEND = 0.35
"""Of movements in a line, at most, along and across it: shares of the way, times t squared, with
t from -0.5 to 0.5."""


@dataclass(frozen=True, kw_only=True)
class Movement:
    """How things move during an exposure.

    Attributes:
        min_extent_px, max_extent_px: the trajectory's longer side, drawn uniformly.
        linear_share: how many of the movements go in a line or a slight arc; the others are random
            walks.
        origin: which point of the trajectory is the truth's.
    """

    min_extent_px: float = 5.0
    max_extent_px: float = 25.0
    linear_share: float = 0.0
    origin: Origin = "mid-exposure"

    def __post_init__(self) -> None:
        if not 0 <= self.min_extent_px <= self.max_extent_px:
            raise ValueError(
                f"extents go from {self.min_extent_px} to {self.max_extent_px} px; "
                "expected 0 <= minimum <= maximum"
            )
        if not 0 <= self.linear_share <= 1:
            raise ValueError(f"linear_share is {self.linear_share}; expected 0...1")

    def trajectory(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Draw one: see :func:`shake_trajectory`."""
        extent = random.uniform(self.min_extent_px, self.max_extent_px)
        # without lines no number is drawn for them, so that the known domain stays what it was
        linear = self.linear_share > 0 and random.random() < self.linear_share
        draw = linear_trajectory if linear else shake_trajectory
        return draw(extent, random, self.origin)


def shake_trajectory(
    extent_px: float, random: np.random.Generator, origin: Origin = "mid-exposure"
) -> NDArray[np.float64]:
    """One exposure's movement.

    Returns:
        float64 (256, 2): positions (x, y) in pixels at equal time steps, (0, 0) at mid-exposure or
        at their mean, the longer side of the bounding box ``extent_px`` long.
    """
    memory_steps = np.exp(random.uniform(*np.log(_MEMORY_STEPS)))
    jerk_probability = random.choice(_JERKS) / _STEPS
    directions = np.exp(2j * np.pi * random.random(_STEPS + 1))
    pushes = random.standard_normal((_STEPS, 2)) @ np.array([1.0, 1.0j])
    pushes *= np.sqrt(1.0 / memory_steps)
    jerks = random.random(_STEPS) < jerk_probability
    inertia = 1.0 - 1.0 / memory_steps
    swing = random.uniform(0.0, _LONGEST_SWING)
    middle = random.uniform(-_MIDDLE_OF_SWING, _MIDDLE_OF_SWING)
    frequency = max(swing, 1e-6) / _STEPS
    velocity = directions[-1] * np.cos(middle - swing / 2)
    position = directions[-1] * np.sin(middle - swing / 2) / frequency
    pushes *= np.cos(middle)  # as the mean speed: a slow exposure shivers less
    path = np.empty(_STEPS, dtype=np.complex128)
    for step in range(_STEPS):
        path[step] = position
        if jerks[step]:
            velocity = 1.5 * abs(velocity) * directions[step]
        velocity = inertia * velocity + pushes[step] - frequency**2 * position
        position += velocity
    return _placed(path, extent_px, origin)


def linear_trajectory(
    extent_px: float, random: np.random.Generator, origin: Origin = "mid-exposure"
) -> NDArray[np.float64]:
    """A line or a slight arc, at a speed that changes evenly: see :func:`shake_trajectory`."""
    time = np.linspace(-0.5, 0.5, _STEPS)
    along = time + random.uniform(-_ACCELERATION, _ACCELERATION) * time**2
    across = random.uniform(-_BEND, _BEND) * time**2
    return _placed(np.exp(2j * np.pi * random.random()) * (along + 1j * across), extent_px, origin)


def _placed(path: NDArray[np.complex128], extent_px: float, origin: Origin) -> NDArray[np.float64]:
    path = path - (path[_STEPS // 2] if origin == "mid-exposure" else path.mean())
    longer_side = max(np.ptp(path.real), np.ptp(path.imag), 1e-9)
    path *= extent_px / longer_side
    return np.stack([path.real, path.imag], axis=1)


def shake_kernel(
    extent_px: float, random: np.random.Generator, origin: Origin = "mid-exposure"
) -> NDArray[np.float32]:
    """The blur kernel of one random trajectory.

    Returns:
        float32 (2r + 1, 2r + 1) that sums to 1, for :func:`blur`; the centre is the origin.
    """
    return rasterise(shake_trajectory(extent_px, random, origin))


def rasterise(trajectory: NDArray[np.float64]) -> NDArray[np.float32]:
    """Spread equal shares of time over the pixels nearest to each position (bilinear weights)."""
    radius = int(np.ceil(np.abs(trajectory).max())) + 1
    side = 2 * radius + 1
    x, y = (trajectory + radius).T
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - column, y - row
    kernel = np.zeros((side, side))
    for dy, dx, weight in (
        (0, 0, (1 - down) * (1 - right)),
        (0, 1, (1 - down) * right),
        (1, 0, down * (1 - right)),
        (1, 1, down * right),
    ):
        np.add.at(kernel, (row + dy, column + dx), weight)
    kernel /= kernel.sum()
    return kernel.astype(np.float32)
