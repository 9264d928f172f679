"""The known blur: camera shake along random walks, applied as a camera would.

Light adds up along the trajectory (:mod:`calibration.trajectory`), then comes the camera.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, to_linear
from calibration.trajectory import Movement, rasterise

_WARPS = 33
"""Moments of an exposure at which a turning picture is added up: one a pixel for the longest."""


@dataclass(frozen=True, kw_only=True)
class KnownBlur(Movement):
    """Camera shake. As it stands it is the known domain: one kernel over the whole picture.

    Attributes:
        max_roll_degrees: the camera also turns about its axis along the trajectory, by an angle
            drawn up to this; the blur then differs from place to place.
        max_parallax: near parts of the scene move more: the trajectory's length differs over the
            picture by a factor drawn up to ``1 + max_parallax``.
        camera: what follows the light.
    """

    max_roll_degrees: float = 0.0
    max_parallax: float = 0.0
    camera: Camera = Camera()

    @property
    def holds_objects(self) -> bool:
        """Whether this is how things move, too, so that no other blur is known."""
        return False

    def __post_init__(self) -> None:
        super().__post_init__()
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
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64] | None]:
        """What :meth:`apply` gives, and the trajectory that was taken, where that is known."""
        path = self.trajectory(random)
        roll = random.uniform(0, self.max_roll_degrees) if self.max_roll_degrees else 0.0
        light = to_linear(sharp)
        blurred = _shaken(light, path, roll)
        if self.max_parallax:
            factor = 1 + random.uniform(0, self.max_parallax)
            near = _shaken(light, factor * path, roll)
            share = depth_ramp(sharp.shape[:2], random)[:, :, None]
            blurred = share * near + (1 - share) * blurred
        m = self.margin_px
        return self.camera.expose(np.ascontiguousarray(blurred[m:-m, m:-m]), random), path


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


def _shaken(
    light: NDArray[np.float32], path: NDArray[np.float64], roll_degrees: float
) -> NDArray[np.float32]:
    return _rolled(light, path, roll_degrees) if roll_degrees else blur(light, rasterise(path))


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
