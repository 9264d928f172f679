"""Object motion: a moving thing before a background that stands still, as a hand before a wall.

This is what a webcam sees, and what camera shake does not teach: blur that ends at an edge. Over
the exposure each pixel sees the object for a share of the time and the background for the rest, so

    light = blur(opacity * object) + (1 - blur(opacity)) * background

with the kernel of the object's trajectory. The truth is the scene at the middle of the exposure.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, to_display, to_linear
from calibration.known_blur import blur
from calibration.trajectory import Movement, rasterise

_SEEN = 0.02
"""Share of the exposure below which a pixel counts as background."""


@dataclass(frozen=True, kw_only=True)
class ObjectMotion(Movement):
    """The object-motion domain.

    Attributes:
        min_size, max_size: the object's diameter as a share of the picture's shorter side.
        shaded: its surface has less contrast than what it is cut out of, as skin and cloth have
            less than a photograph.
        camera: what follows the light.
    """

    min_size: float = 0.35
    max_size: float = 0.85
    shaded: bool = True
    camera: Camera = Camera()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.min_size <= self.max_size:
            raise ValueError(
                f"sizes go from {self.min_size} to {self.max_size}; expected 0 < minimum <= maximum"
            )

    @property
    def margin_px(self) -> int:
        """Border that :meth:`apply` needs around the picture and cuts off."""
        return int(np.ceil(self.max_extent_px)) + 1

    def apply(
        self,
        background: NDArray[np.uint8],
        texture: NDArray[np.uint8],
        random: np.random.Generator,
    ) -> "MovingObject":
        """Move an object over a background.

        Args:
            background: uint8 (H + 2 * margin_px, W + 2 * margin_px, 3), sharp, display values.
            texture: the same shape; the object's surface is cut out of it. Of the background
                itself, if that is given again and not shaded: then that is the truth.
            random: source of shape, trajectory and noise.
        """
        m = self.margin_px
        still = to_linear(background)
        surface = to_linear(_shaded(texture, random) if self.shaded else texture)
        size = still.shape[0], still.shape[1]
        opacity = silhouette(size, self.diameter(min(size) - 2 * m, random), random)[:, :, None]
        path = self.trajectory(random)
        layer = blur(np.concatenate([opacity * surface, opacity], axis=2), rasterise(path))
        light = layer[:, :, :3] + (1 - layer[:, :, 3:]) * still
        truth = opacity * surface + (1 - opacity) * still
        inner = (slice(m, -m), slice(m, -m))
        return MovingObject(
            blurred=self.camera.expose(np.ascontiguousarray(light[inner]), random),
            sharp=to_display(np.ascontiguousarray(truth[inner])),
            presence=np.ascontiguousarray(layer[:, :, 3][inner]),
            path=path,
        )

    def diameter(self, side_px: int, random: np.random.Generator) -> float:
        """An object's, in pixels, for a picture of that shorter side, without its border."""
        return random.uniform(self.min_size, self.max_size) * side_px


@dataclass(frozen=True)
class MovingObject:
    """A picture with a moving object, and its truth.

    Attributes:
        blurred, sharp: uint8 (H, W, 3).
        presence: float32 (H, W), share of the exposure in which the object covered each pixel.
        path: float64 (256, 2), its trajectory, as :meth:`Movement.trajectory` gives it.
    """

    blurred: NDArray[np.uint8]
    sharp: NDArray[np.uint8]
    presence: NDArray[np.float32]
    path: NDArray[np.float64]

    @property
    def moves(self) -> NDArray[np.bool_]:
        """Where the object was for long enough to be seen, bool (H, W); the rest is background."""
        return self.presence > _SEEN


def _shaded(texture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """The surface of the object, with less contrast than it had."""
    mean = texture.mean(axis=(0, 1), keepdims=True)
    contrast, brightness = drawn_shading(random)
    shaded = brightness * (mean + contrast * (texture - mean))
    return np.asarray(np.clip(shaded, 0, 255), np.uint8)


def drawn_shading(random: np.random.Generator) -> tuple[float, float]:
    """Contrast and brightness of an object's surface, as shares of the texture's."""
    return random.uniform(0.3, 1.0), random.uniform(0.7, 1.2)


def evened(
    texture: NDArray[np.uint8], still: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """A surface as even as skin or plain cloth: its outline alone shows how it moved.

    Args:
        texture: uint8 (H, W, 3), what is softened and loses most of its contrast.
        still: uint8 (H, W, 3), what stands still behind it, which its mean comes nearer to: a hand
            is seen before clothes and walls that are not much lighter or darker.
        random: of how much.
    """
    mean = texture.mean(axis=(0, 1))
    nearer = mean + random.uniform(0.0, 0.7) * (still.mean(axis=(0, 1)) - mean)
    soft = cv2.GaussianBlur(texture, (0, 0), 2.0)
    surface = nearer + random.uniform(0.1, 0.6) * (soft - mean)
    return np.asarray(np.clip(surface, 0, 255), np.uint8)


def silhouette(
    size: tuple[int, int], diameter: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """The object's opacity, float32 (H, W): a body with up to five limbs, soft over one pixel."""
    height, width = size
    shape = np.zeros(size, np.uint8)
    centre = random.uniform(0.25, 0.75, 2) * (width, height)
    radius = diameter / 2
    axes = radius * random.uniform(0.35, 0.7, 2)
    tilt = random.uniform(0, 360)
    cv2.ellipse(shape, (_point(centre), _point(2 * axes), tilt), 255, -1)
    direction = random.uniform(0, 2 * np.pi)
    for _ in range(random.integers(0, 6)):
        angle = direction + random.uniform(-0.9, 0.9)
        tip = centre + radius * random.uniform(0.7, 1.0) * np.array([np.cos(angle), np.sin(angle)])
        thickness = max(2, round(radius * random.uniform(0.1, 0.3)))
        cv2.line(shape, _point(centre), _point(tip), 255, thickness)
    soft = cv2.GaussianBlur(shape, (0, 0), random.uniform(0.6, 1.2))
    return soft.astype(np.float32) / 255.0


def _point(xy: NDArray[np.float64]) -> tuple[int, int]:
    return round(xy[0]), round(xy[1])
