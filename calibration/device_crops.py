"""The pairs of :class:`BlurredCrops`, made where they are trained on: plans here, pictures there.

A processor draws what is to happen, cuts windows out of photographs and draws kernels; light,
convolutions and the camera are worked out for a whole batch by the device: of the 15 ms that a
processor takes for a pair of 192 px, 10. The domains are those of :mod:`calibration.pairs`.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from calibration.camera import GAMMA, Camera
from calibration.jpeg import through_jpeg
from calibration.motion import displacements
from calibration.object_motion import drawn_shading, silhouette
from calibration.pairs import BlurredCrops
from calibration.trajectory import rasterise
from engines.networks.motion_unet import CELL_PX


class Plans(NamedTuple):
    """What is to become of a batch of windows, of the crop's side and a margin around it.

    Attributes:
        surface: what moves, uint8 (N, side, side, 3).
        still: what stands still behind it, of the same shape.
        opacity: of what moves, uint8 (N, side, side).
        shading: contrast and brightness of what moves, float (N, 2).
        kernels: float (N, 2 * margin + 1, 2 * margin + 1), summing to 1.
        shares: of the exposure at each displacement, float (N, 27 * 27).
        noise: its standard deviation, float (N,).
        quality: JPEG's, 0 for none, (N,).
        seeds: of the noise, int64 (N,).
        told: whether the network is told what moved, bool (N,).
    """

    surface: Tensor
    still: Tensor
    opacity: Tensor
    shading: Tensor
    kernels: Tensor
    shares: Tensor
    noise: Tensor
    quality: Tensor
    seeds: Tensor
    told: Tensor


class CropPlans(Dataset[tuple[Tensor, ...]]):
    """Plan ``i``, as :class:`Plans` has it but for N, depends on the seed of the crops and ``i``.

    Args:
        crops: what to make, of a multiple of 16 px, without roll, parallax and webcams.
        told_share: as of :class:`calibration.motion.MotionCrops`.
    """

    def __init__(self, crops: BlurredCrops, told_share: float = 0.0) -> None:
        self.crops = crops
        self.told_share = told_share

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        random = np.random.default_rng((self.crops.seed, index))
        scene = self._scene(random)
        noise, quality = _exposure(scene.camera, random)
        return (
            torch.from_numpy(np.ascontiguousarray(scene.surface)),
            torch.from_numpy(np.ascontiguousarray(scene.still)),
            torch.from_numpy(scene.opacity),
            torch.tensor(scene.shading, dtype=torch.float32),
            torch.from_numpy(_centred(scene.path, self.crops.recipe.margin_px)),
            torch.from_numpy(displacements(scene.path)),
            torch.tensor(noise, dtype=torch.float32),
            torch.tensor(quality),
            torch.tensor(int(random.integers(2**62))),
            torch.tensor(random.random() < self.told_share),
        )

    def _scene(self, random: np.random.Generator) -> "_Scene":
        """What is to be seen, of one of the kinds of :meth:`BlurredCrops.example`."""
        crops, recipe = self.crops, self.crops.recipe
        margin = recipe.margin_px
        kind = random.random()
        if kind < recipe.sharp_share:
            window = crops.window(margin, random, recipe.min_still_detail)
            return _Scene(window, window, _everywhere(window, 0), None, recipe.known.camera)
        if kind < recipe.sharp_share + recipe.moving_share:
            moving = recipe.moving
            still = crops.window(margin, random, recipe.min_still_detail)
            surface = crops.surface(margin, random, still)
            shading = drawn_shading(random) if moving.shaded else (1.0, 1.0)
            side = recipe.crop_px + 2 * moving.margin_px  # what moves reaches no farther
            shape = silhouette((side, side), moving.diameter(recipe.crop_px, random), random)
            opacity = np.pad(np.rint(255 * shape).astype(np.uint8), margin - moving.margin_px)
            path = moving.trajectory(random)
            return _Scene(surface, still, opacity, path, moving.camera, shading)
        window = crops.window(margin, random)
        path = recipe.known.trajectory(random)
        return _Scene(window, window, _everywhere(window, 255), path, recipe.known.camera)


class _Scene(NamedTuple):
    """One of what :class:`Plans` has many of; ``path`` is None where nothing moves."""

    surface: NDArray[np.uint8]
    still: NDArray[np.uint8]
    opacity: NDArray[np.uint8]
    path: NDArray[np.float64] | None
    camera: Camera
    shading: tuple[float, float] = (1.0, 1.0)


def render(plans: Plans) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Make the pictures of a batch.

    Returns:
        What a batch of :class:`calibration.motion.MotionCrops` has: blurred and sharp, float
        (N, 3, crop, crop), whole numbers in 0...255; displacements; presence of what moved, float
        (N, crop / 16, crop / 16); whether the network is told.
    """
    margin = plans.kernels.shape[-1] // 2
    inner = slice(margin, -margin)
    opacity = plans.opacity[:, None].float() / 255.0
    display = _shaded(plans.surface.permute(0, 3, 1, 2).float(), plans.shading)
    surface = (display / 255.0) ** GAMMA
    still = (plans.still.permute(0, 3, 1, 2).float() / 255.0) ** GAMMA
    layer = _convolved(torch.cat([opacity * surface, opacity], dim=1), plans.kernels)
    layer = layer[:, :, inner, inner]
    presence = layer[:, 3:].clamp(0.0, 1.0)
    light = layer[:, :3] + (1 - presence) * still[:, :, inner, inner]
    truth = opacity * surface + (1 - opacity) * still
    sharp = _display(truth[:, :, inner, inner]).round()
    blurred = _display(light)
    random, noise = torch.Generator(blurred.device), torch.empty_like(blurred)
    for picture, seed in zip(noise, plans.seeds.tolist(), strict=True):
        picture.normal_(generator=random.manual_seed(seed))
    blurred = (blurred + plans.noise[:, None, None, None] * noise).round().clamp(0.0, 255.0)
    compressed = plans.quality > 0
    packed = through_jpeg(blurred, plans.quality)
    blurred = torch.where(compressed[:, None, None, None], packed, blurred)
    cells = F.avg_pool2d(presence, CELL_PX)[:, 0]
    return blurred, sharp, plans.shares, cells, plans.told


def _everywhere(window: NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    return np.full(window.shape[:2], value, np.uint8)


def _exposure(camera: Camera, random: np.random.Generator) -> tuple[float, int]:
    """Noise and JPEG's quality, 0 for none, as :meth:`Camera.expose` draws them."""
    noise = random.uniform(0.0, camera.max_noise)
    if random.random() >= camera.compressed_share:
        return noise, 0
    return noise, int(random.integers(camera.jpeg_quality[0], camera.jpeg_quality[1] + 1))


def _centred(path: NDArray[np.float64] | None, radius: int) -> NDArray[np.float32]:
    """A trajectory's kernel in the middle of a square that holds any."""
    kernel = rasterise(np.zeros((1, 2)) if path is None else path)
    border = radius - len(kernel) // 2
    return np.pad(kernel, border)


def _shaded(display: Tensor, shading: Tensor) -> Tensor:
    contrast, brightness = shading[:, :, None, None, None].unbind(dim=1)
    mean = display.mean(dim=(2, 3), keepdim=True)
    return (brightness * (mean + contrast * (display - mean))).clamp(0.0, 255.0)


def _display(light: Tensor) -> Tensor:
    """Display values in 0...255 of linear light."""
    return 255.0 * light.clamp(0.0, 1.0) ** (1 / GAMMA)


def _convolved(layers: Tensor, kernels: Tensor) -> Tensor:
    """Each picture's channels with its kernel; valid but for a border of the kernel's radius."""
    height, width = layers.shape[-2:]
    radius = kernels.shape[-1] // 2
    kernels = F.pad(kernels, (0, width - kernels.shape[-1], 0, height - kernels.shape[-2]))
    kernels = kernels.roll((-radius, -radius), dims=(1, 2))
    waves = torch.fft.rfft2(layers) * torch.fft.rfft2(kernels)[:, None]
    blurred: Tensor = torch.fft.irfft2(waves, s=(height, width))
    return blurred
