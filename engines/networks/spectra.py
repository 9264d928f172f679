"""What Fourier spectra of a picture's windows say of its motion, of several orders.

Blur multiplies the spectrum, and as those of scenes are smooth, what is left of one is the
kernel's, zeros and all (the cepstrum of Bogert et al., 1963, is the same idea). Power however is
the same for a motion and for its mirror image, fast at first and slow at the end or the other way
round, and to take one for the other costs more than not to know the motion. Statistics of higher
order tell them apart (Matsuoka and Ulrych, 1984, for signals): edges are few, so that where the
gradient is strong one copy of the kernel stands alone, and its strong part lies to one side.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.windowed_fourier import WindowedFourier

WINDOW_PX = 128
"""Side of the windows whose spectra are read."""
STRIDE_PX = 32
"""From one window to the next, or twice that for a quarter of the work."""
FREQUENCIES = 32
"""Highest frequency of the power that is read, in cycles a window; above, noise is stronger."""
LOW_FREQUENCIES = 24
"""The same of what tells a motion from its mirror image."""
_FLOOR = 1e-5
_ROUNDING = 1e-4
"""Of a window's mean power: less than this in a frequency is what bf16 rounds off elsewhere."""
_STRONGEST = 8.0
_DARKEST = 1e-6


class WindowSpectra(nn.Module):
    """Logarithm of the Fourier power of the gradient of light, window by window.

    Light (N, 3, H, W) to (N, 65 * 33, rows, columns): vertical frequencies first, their mean taken
    off; where windows are further apart, means of four neighbours. It is transformed as the
    Laplacian, which has no mean that would drown the rest in few bits.
    """

    size = (2 * FREQUENCIES + 1) * (FREQUENCIES + 1)
    laplacian: Tensor
    to_gradient: Tensor

    def __init__(self, stride_px: int = STRIDE_PX) -> None:
        super().__init__()
        self.far_apart = stride_px > STRIDE_PX
        window = torch.hann_window(WINDOW_PX, periodic=False, dtype=torch.float64)
        self.fourier = WindowedFourier(window, stride_px, FREQUENCIES)
        v, u = (
            (2 * (torch.pi * f / WINDOW_PX).sin()) ** 2 for f in (self.fourier.v, self.fourier.u)
        )
        power = v[:, None] + u
        laplacian = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
        to_gradient = (power > 0) / power.clamp_min(1e-9)
        self.register_buffer("laplacian", _of_grey(laplacian), persistent=False)
        self.register_buffer("to_gradient", to_gradient.float(), persistent=False)

    def forward(self, light: Tensor) -> Tensor:
        edges = F.conv2d(F.pad(light, (1, 1, 1, 1), mode="replicate"), self.laplacian)
        # In fp32: of stripes that stand out f16 cannot hold the squares.
        real, imaginary = self.fourier(edges).float().unbind(dim=2)
        power = (real * real + imaginary * imaginary).transpose(1, 2)
        power = power + _ROUNDING * power.mean(dim=(1, 2), keepdim=True)
        power = power * self.to_gradient[:, :, None, None]
        logarithm = torch.log(power + _FLOOR).flatten(1, 2)
        if self.far_apart:
            logarithm = F.avg_pool2d(logarithm, 2, 1)
        return (logarithm - logarithm.mean(dim=1, keepdim=True)).to(light.dtype)


class Waves(NamedTuple):
    """Fourier transforms of a picture's windows, float (N, size, rows, columns) each.

    Attributes:
        real, imaginary: their parts.
        near: mean power around each place.
        everywhere: mean power of all windows, float (N, size, 1, 1).
    """

    real: Tensor
    imaginary: Tensor
    near: Tensor
    everywhere: Tensor


class Gradients(nn.Module):
    """Transforms of a picture's gradients, and of its strong gradients: of g and g |g|.

    Light (N, 3, H, W) to twice :class:`Waves`, of 2 * 25 * 49: differences across and down,
    horizontal frequencies first.
    """

    size = 2 * (2 * LOW_FREQUENCIES + 1) * (LOW_FREQUENCIES + 1)
    differences: Tensor

    def __init__(self, stride_px: int = STRIDE_PX) -> None:
        super().__init__()
        self.far_apart = stride_px > STRIDE_PX
        half = WINDOW_PX // 2
        window = torch.hann_window(half, periodic=False, dtype=torch.float64)
        self.fourier = WindowedFourier(window, stride_px // 2, LOW_FREQUENCIES, scale=1 / half)
        across = torch.tensor([[0.0, 0, 0], [-1, 0, 1], [0, 0, 0]])
        differences = torch.cat([_of_grey(across), _of_grey(across.T)])
        self.register_buffer("differences", differences, persistent=False)

    def forward(self, light: Tensor) -> tuple[Waves, Waves]:
        half = F.pad(F.avg_pool2d(light, 2), (1, 1, 1, 1), mode="replicate")
        g = F.conv2d(half, self.differences)
        g = g * torch.rsqrt((g**2).mean(dim=(1, 2, 3), keepdim=True) + 1e-7)
        g = g.clamp(-_STRONGEST, _STRONGEST)
        batch, _, height, width = g.shape
        signals = torch.cat([g, g * g.abs()], dim=1).reshape(4 * batch, 1, height, width)
        parts = self.fourier(signals).float().unbind(dim=2)
        real, imaginary = (part.reshape(batch, 2, self.size, *part.shape[-2:]) for part in parts)
        weak, strong = (self._waves(real[:, i], imaginary[:, i]) for i in (0, 1))
        return weak, strong

    def coherence(self, one: Waves, other: Waves, imaginary: bool) -> tuple[Tensor, Tensor]:
        """A part of the cross-spectrum over the powers, -1...1, around each place and over all."""
        if imaginary:
            cross = other.real * one.imaginary - other.imaginary * one.real
        else:
            cross = one.real * other.real + one.imaginary * other.imaginary
        near, everywhere = self._near_and_everywhere(cross)
        near = near * torch.rsqrt(one.near * other.near + _FLOOR)
        everywhere = everywhere * torch.rsqrt(one.everywhere * other.everywhere + _FLOOR)
        return near.to(self.differences.dtype), everywhere.to(self.differences.dtype)

    def _waves(self, real: Tensor, imaginary: Tensor) -> Waves:
        power = real * real + imaginary * imaginary
        return Waves(real, imaginary, *self._near_and_everywhere(power))

    def _near_and_everywhere(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means over the windows within 32 px, of each or between them, and over all."""
        if self.far_apart:
            near = F.avg_pool2d(x, 2, 1)
        else:
            near = F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
        return near, x.mean(dim=(2, 3), keepdim=True)


def linear_light(x: Tensor) -> Tensor:
    """Of a picture in 0...1: its 2.2th power, within 0.0001, by roots, as powers are slow."""
    x = x.clamp(_DARKEST, 1.0)  # at 0 roots have no slope
    root = x.sqrt().sqrt()
    return x * x * (0.10027 + root * (1.00252 - 0.10287 * root))


def _of_grey(kernel: Tensor) -> Tensor:
    """A kernel that is to be applied to the mean of three colours, for colours, (1, 3, 3, 3)."""
    return (kernel / 3).expand(1, 3, -1, -1).contiguous()


def enlarged(light: Tensor, least_px: int) -> Tensor:
    """To so many pixels a side at least, by its edges."""
    below, right = (
        torch.sym_max(side, least_px) - side  # type: ignore[no-untyped-call]
        for side in light.shape[2:]
    )
    return F.pad(light, (0, right, 0, below), mode="replicate")


def mirrored_phases(phases: Tensor) -> Tensor:
    u, v = LOW_FREQUENCIES + 1, 2 * LOW_FREQUENCIES + 1
    return phases.view(-1, 2, u, v).flip(3).flatten(1)
