"""A camera whose blur is known: a texture, or an object before it, rests and moves in turns."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS = 320, 256, 30
_SHUTTER = 0.7
_SUBFRAMES = 8


@dataclass(frozen=True)
class Shot:
    """A frame, and how far what moves moved while the shutter was open, in pixels."""

    pixels: NDArray[np.uint8]
    extent_px: float


def shots(count: int, seed: int, *, object_only: bool) -> Iterator[Shot]:
    """Frames in linear light with noise; rest and motion take turns of 8 to 24 frames."""
    random = np.random.default_rng(seed)
    scene = _texture(random, 3 * HEIGHT, 3 * WIDTH)
    thing = _texture(random, HEIGHT // 2, WIDTH // 2)
    at = np.array([WIDTH / 2, HEIGHT / 2])
    limit = np.array([WIDTH / 2, HEIGHT / 2]) if object_only else np.array([2 * WIDTH, 2 * HEIGHT])
    velocity, left, moves = np.zeros(2), 15, False
    for _ in range(count):
        if left == 0:
            left, moves = int(random.integers(8, 25)), not moves
            angle = random.uniform(0, 2 * np.pi)
            velocity = moves * random.uniform(8, 20) * np.array([np.cos(angle), np.sin(angle)])
        left -= 1
        velocity = np.where((at + velocity < 0) | (at + velocity > limit), -velocity, velocity)
        light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for part in range(_SUBFRAMES):
            place = at + velocity * _SHUTTER * part / _SUBFRAMES
            light += _view(scene, thing, place, object_only=object_only) / _SUBFRAMES
        at = at + velocity
        noisy = 255 * light ** (1 / 2.2) + random.normal(0, 1.5, light.shape)
        yield Shot(
            np.clip(noisy, 0, 255).astype(np.uint8), float(np.abs(velocity).max() * _SHUTTER)
        )


def _view(
    scene: NDArray[np.float32],
    thing: NDArray[np.float32],
    place: NDArray[np.float64],
    *,
    object_only: bool,
) -> NDArray[np.float32]:
    x, y = place
    if not object_only:
        shift = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
        return np.asarray(cv2.warpAffine(scene, shift, (WIDTH, HEIGHT)), np.float32)
    shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
    there = cv2.warpAffine(np.ones(thing.shape[:2], np.float32), shift, (WIDTH, HEIGHT))[..., None]
    moved = cv2.warpAffine(thing, shift, (WIDTH, HEIGHT))
    return np.asarray(scene[:HEIGHT, :WIDTH] * (1 - there) + moved * there, np.float32)


def _texture(random: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Detail at every scale, as photographs have, in linear light."""
    picture = np.full((height, width, 3), 0.5, np.float32)
    for cell in (2, 4, 8, 16, 32, 64):
        size = (height // cell + 1, width // cell + 1, 3)
        coarse = random.normal(0, 0.1, size).astype(np.float32)
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(picture, 0, 1) ** 2.2, np.float32)
