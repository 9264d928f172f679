"""The known blur: camera shake as random walks, applied as a camera would.

A trajectory is where the scene's picture wanders on the sensor during one exposure. Its velocity
has inertia, is pulled to a place that it swings about, shivers, and now and then jerks into another
direction (after the motion model of Boracchi and Foi, "Modeling the performance of image
restoration from motion blur", IEEE TIP 2012). The kernel is the time that the trajectory spends
over each pixel. The truth that belongs to a blurred picture is the one at the middle of the
exposure, so the trajectory is moved to pass through the kernel's centre at that time.

How tangled the trajectories are is a choice. A camera at 30 frames a second exposes for 33 ms at
most, a third of a cycle of a hand's tremor (8 to 12 Hz), so what it sees of a swing is anything
from a straight and even stretch to a turn, wherever in the exposure that falls; velocity is
remembered for one to ten exposures, and one exposure in three sees a jerk (on average). It must
not begin at the same moment of a swing each time: the truth then lies where the path turns,
networks look for it there, and do nothing for a hand that moves straight on. With ten times less
memory the middle of a tangled path cannot be seen in the picture, networks paint an average over
the places where it may have been, and learn half as fast. Where the centroid is the origin
instead, there is less to find out; a training may begin there.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, to_linear

Origin = Literal["mid-exposure", "centroid"]

_STEPS = 256
_LONGEST_SWING = 2 * np.pi / 3
"""The part of a tremor's cycle that one exposure sees at most, in radians."""
_MIDDLE_OF_SWING = 1.2
"""How far from the swing's fastest moment the middle of the exposure may lie, in radians."""
_MEMORY_STEPS = (300.0, 3000.0)
_JERKS = (0.0, 0.0, 1.0)
_WARPS = 33
"""Moments of an exposure at which a turning picture is added up: one a pixel for the longest."""


@dataclass(frozen=True, kw_only=True)
class KnownBlur:
    """Camera shake. As it stands it is the known domain: one kernel over the whole picture.

    Attributes:
        min_extent_px, max_extent_px: the trajectory's longer side, drawn uniformly.
        max_roll_degrees: the camera also turns about its axis along the trajectory, by an angle
            drawn up to this; the blur then differs from place to place.
        max_parallax: near parts of the scene move more: the trajectory's length differs over the
            picture by a factor drawn up to ``1 + max_parallax``.
        origin: which point of the trajectory is the truth's.
        camera: what follows the light.
    """

    min_extent_px: float = 5.0
    max_extent_px: float = 25.0
    max_roll_degrees: float = 0.0
    max_parallax: float = 0.0
    origin: Origin = "mid-exposure"
    camera: Camera = Camera()

    def __post_init__(self) -> None:
        check_extents(self.min_extent_px, self.max_extent_px)
        if self.max_roll_degrees < 0 or self.max_parallax < 0:
            raise ValueError("max_roll_degrees and max_parallax are 0 or more")

    @property
    def margin_px(self) -> int:
        """Border that :meth:`apply` needs around the picture and cuts off."""
        return int(np.ceil(self.max_extent_px * (1 + self.max_parallax))) + 1

    def apply(self, sharp: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
        """Blur one picture.

        Args:
            sharp: uint8 (H + 2 * margin_px, W + 2 * margin_px, 3), display values.
            random: source of the trajectory and of the noise.

        Returns:
            uint8 (H, W, 3): what the camera would have seen around the middle of ``sharp``.
        """
        return self.apply_and_tell(sharp, random)[0]

    def apply_and_tell(
        self, sharp: NDArray[np.uint8], random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """What :meth:`apply` gives, and the trajectory that was taken."""
        path = self.trajectory(random)
        light = to_linear(sharp)
        blurred = self._shaken(light, path, random)
        if self.max_parallax:
            factor = 1 + random.uniform(0, self.max_parallax)
            near = self._shaken(light, factor * path, random)
            share = depth_ramp(sharp.shape[:2], random)[:, :, None]
            blurred = share * near + (1 - share) * blurred
        m = self.margin_px
        return self.camera.expose(np.ascontiguousarray(blurred[m:-m, m:-m]), random), path

    def trajectory(self, random: np.random.Generator) -> NDArray[np.float64]:
        """The movement that :meth:`apply` begins with, of the same random numbers."""
        extent = random.uniform(self.min_extent_px, self.max_extent_px)
        return shake_trajectory(extent, random, self.origin)

    def _shaken(
        self, light: NDArray[np.float32], path: NDArray[np.float64], random: np.random.Generator
    ) -> NDArray[np.float32]:
        if not self.max_roll_degrees:
            return blur(light, rasterise(path))
        angle = random.uniform(0, self.max_roll_degrees)
        return _rolled(light, path, angle)


def check_extents(min_px: float, max_px: float) -> None:
    """Raises ValueError where trajectories cannot be drawn between these lengths."""
    if not 0 <= min_px <= max_px:
        raise ValueError(
            f"extents go from {min_px} to {max_px} px; expected 0 <= minimum <= maximum"
        )


def blur(light: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve linear light (H, W, C) with a kernel; edges are mirrored."""
    # filter2D correlates; the kernel says where the picture goes, so it is turned round
    return np.asarray(cv2.filter2D(light, -1, kernel[::-1, ::-1]), np.float32)


def depth_ramp(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.float32]:
    """A scene's nearness, float32 (H, W) in 0...1: a ramp in a random direction."""
    height, width = size
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    along = (x * np.cos(angle) + y * np.sin(angle)) * random.uniform(0.5, 3.0)
    return np.asarray(np.clip(0.5 + 0.5 * along, 0, 1), np.float32)


def _rolled(
    light: NDArray[np.float32], path: NDArray[np.float64], degrees: float
) -> NDArray[np.float32]:
    """Add up the picture as it wanders along the path and turns; unmoved at mid-exposure."""
    height, width = light.shape[:2]
    moments = np.linspace(0, len(path) - 1, _WARPS).round().astype(int)
    turns = np.linspace(-0.5, 0.5, _WARPS) * degrees
    total = np.zeros_like(light)
    for (x, y), turn in zip(path[moments], turns, strict=True):
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(turn), 1.0)
        matrix[:, 2] += x, y
        total += cv2.warpAffine(light, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(total / _WARPS, np.float32)


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
    path -= path[_STEPS // 2] if origin == "mid-exposure" else path.mean()
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
