"""The known blur: camera shake as random walks, applied as a camera would.

A trajectory is where the scene's picture wanders on the sensor during one exposure. Its velocity
has inertia, is pulled back to the start, shivers, and now and then jerks into another direction
(after the motion model of Boracchi and Foi, "Modeling the performance of image restoration from
motion blur", IEEE TIP 2012). The kernel is the time that the trajectory spends over each pixel.
The truth that belongs to a blurred picture is the one at the middle of the exposure, so the
trajectory is moved to pass through the kernel's centre at that time.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GAMMA = 2.2
"""Exponent of the camera response: ``linear = display ** GAMMA``."""

_STEPS = 256
_PULL_BACK = 1e-4
_TO_LINEAR = (np.arange(256, dtype=np.float32) / 255.0) ** GAMMA


@dataclass(frozen=True, kw_only=True)
class KnownBlur:
    """The known domain: uniform kernels, linear light, noise, 8 bit.

    Attributes:
        min_extent_px, max_extent_px: the trajectory's longer side, drawn uniformly.
        max_noise: largest standard deviation of the Gaussian noise on a 0...255 scale; drawn
            uniformly from zero.
    """

    min_extent_px: float = 5.0
    max_extent_px: float = 25.0
    max_noise: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_extent_px <= self.max_extent_px:
            raise ValueError(
                f"extents go from {self.min_extent_px} to {self.max_extent_px} px; "
                "expected 0 <= minimum <= maximum"
            )
        if self.max_noise < 0:
            raise ValueError(f"max_noise is {self.max_noise}; expected 0 or more")

    @property
    def margin_px(self) -> int:
        """Border that :meth:`apply` needs around the picture and cuts off."""
        return int(np.ceil(self.max_extent_px)) + 1

    def apply(self, sharp: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        """Blur one picture.

        Args:
            sharp: uint8 (H + 2 * margin_px, W + 2 * margin_px, 3), display values.
            random: source of the trajectory and of the noise.

        Returns:
            uint8 (H, W, 3): what the camera would have seen around the middle of ``sharp``.
        """
        extent = random.uniform(self.min_extent_px, self.max_extent_px)
        kernel = shake_kernel(extent, random)
        linear = cv2.filter2D(_TO_LINEAR[sharp], -1, kernel)
        m = self.margin_px
        inner = linear[m:-m, m:-m]
        display = 255.0 * np.maximum(inner, 0.0) ** np.float32(1 / GAMMA)
        sigma = random.uniform(0.0, self.max_noise)
        noise = random.standard_normal(display.shape, dtype=np.float32) * np.float32(sigma)
        return np.clip(np.rint(display + noise), 0, 255).astype(np.uint8)


def shake_trajectory(extent_px: float, random: np.random.Generator) -> NDArray[np.float64]:
    """One exposure's movement.

    Returns:
        float64 (256, 2): positions (x, y) in pixels at equal time steps, (0, 0) at mid-exposure,
        the longer side of the bounding box ``extent_px`` long.
    """
    memory_steps = np.exp(random.uniform(np.log(20), np.log(600)))
    jerk_probability = random.choice([0.0, 1.0, 3.0]) / _STEPS
    directions = np.exp(2j * np.pi * random.random(_STEPS + 1))
    pushes = random.standard_normal((_STEPS, 2)) @ np.array([1.0, 1.0j])
    pushes *= np.sqrt(1.0 / memory_steps)
    jerks = random.random(_STEPS) < jerk_probability
    inertia = 1.0 - 1.0 / memory_steps
    velocity, position = directions[-1], 0.0 + 0.0j
    path = np.empty(_STEPS, dtype=np.complex128)
    for step in range(_STEPS):
        path[step] = position
        if jerks[step]:
            velocity = 1.5 * abs(velocity) * directions[step]
        velocity = inertia * velocity + pushes[step] - _PULL_BACK * position
        position += velocity
    path -= path[_STEPS // 2]
    longer_side = max(np.ptp(path.real), np.ptp(path.imag), 1e-9)
    path *= extent_px / longer_side
    return np.stack([path.real, path.imag], axis=1)


def shake_kernel(extent_px: float, random: np.random.Generator) -> NDArray[np.float32]:
    """The blur kernel of one random trajectory.

    Returns:
        float32 (2r + 1, 2r + 1) that sums to 1, for ``cv2.filter2D``; the centre is the position
        at mid-exposure.
    """
    return rasterise(shake_trajectory(extent_px, random))


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
