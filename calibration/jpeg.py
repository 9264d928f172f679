"""What JPEG does to pictures, on any device: its losses without its file.

Colours at half the resolution, cosine transforms of 8 x 8 blocks, rounding to multiples that a
quality says (ITU-T T.81; its annex K has the tables of multiples, which libjpeg scales by quality).
Many pictures at a time, where an encoder takes them one by one on a CPU.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 8
_LUMA = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
_TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


def through_jpeg(pictures: Tensor, quality: Tensor) -> Tensor:
    """Pictures as they come back from JPEG files.

    Args:
        pictures: float (N, 3, H, W) RGB in 0...255, H and W multiples of 16.
        quality: 1 to 100 each, (N,).

    Returns:
        whole numbers in 0...255, float (N, 3, H, W).

    Raises:
        ValueError: a side is not a multiple of 16.
    """
    if pictures.shape[-1] % (2 * _BLOCK) or pictures.shape[-2] % (2 * _BLOCK):
        raise ValueError(f"sides of {tuple(pictures.shape[-2:])} are not multiples of 16")
    to_ycbcr = torch.tensor(_TO_YCBCR, device=pictures.device)
    centred = torch.einsum("ij,njhw->nihw", to_ycbcr, pictures)
    luma = _quantised(centred[:, :1] - 128.0, _multiples(_LUMA, quality)) + 128.0
    halves = F.avg_pool2d(centred[:, 1:], 2)
    halves = F.interpolate(
        _quantised(halves, _multiples(_CHROMA, quality)), scale_factor=2.0, mode="bilinear"
    )
    colours = torch.cat([luma, halves], dim=1)
    back = torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_ycbcr), colours)
    return back.round().clamp(0.0, 255.0)


def _multiples(table: tuple[int, ...], quality: Tensor) -> Tensor:
    """What coefficients are rounded to multiples of, float (N, 8, 8), as libjpeg scales it."""
    quality = quality.float().clamp(1, 100)
    percent = torch.where(quality < 50, 5000.0 / quality, 200.0 - 2.0 * quality)
    steps = torch.tensor(table, dtype=torch.float32, device=quality.device)
    return ((steps * percent[:, None] + 50.0) / 100.0).floor().clamp(1, 255).view(-1, 8, 8)


def _quantised(planes: Tensor, multiples: Tensor) -> Tensor:
    batch, channels, height, width = planes.shape
    blocks = planes.reshape(batch, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    transform = _cosines(planes.device)
    steps = multiples[:, None, None, :, None, :]
    waves = torch.einsum("ij,ncajbk,lk->ncaibl", transform, blocks, transform)
    waves = (waves / steps).round() * steps
    blocks = torch.einsum("ji,ncajbk,kl->ncaibl", transform, waves, transform)
    return blocks.reshape(planes.shape)


def _cosines(device: torch.device) -> Tensor:
    """The orthonormal cosine transform of 8 values, (8, 8)."""
    place = torch.arange(_BLOCK, dtype=torch.float32, device=device)
    rows = torch.cos(math.pi / _BLOCK * (place + 0.5) * place[:, None]) * math.sqrt(2 / _BLOCK)
    rows[0] /= math.sqrt(2.0)
    return rows
