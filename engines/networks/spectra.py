"""What Fourier spectra of a picture's windows say of its motion, of several orders.

Blur multiplies the spectrum, and as those of scenes are smooth, what is left of one is the
kernel's, zeros and all (the cepstrum of Bogert et al., 1963, is the same idea). Power however is
the same for a motion and for its mirror image, fast at first and slow at the end or the other way
round, and to take one for the other costs more than not to know the motion. Statistics of higher
order tell them apart (Matsuoka and Ulrych, 1984, for signals): edges are few, so that where the
gradient is strong one copy of the kernel stands alone, and its strong part lies to one side.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.windowed_fourier import WindowedFourier

WINDOW_PX = 128
"""Side of the windows whose spectra are read."""
STRIDE_PX = 32
FREQUENCIES = 32
"""Highest frequency of the power that is read, in cycles a window; above, noise is stronger."""
LOW_FREQUENCIES = 24
"""The same of what tells a motion from its mirror image."""
_FLOOR = 1e-5
_STRONGEST = 8.0


class WindowSpectra(nn.Module):
    """Logarithm of the Fourier power of the gradient of light, window by window.

    (N, 1, H, W), at least a window, to (N, 65 * 33, rows, columns): vertical frequencies first,
    their mean taken off. It is transformed as the Laplacian, which has no mean that would drown the
    rest in few bits.
    """

    size = (2 * FREQUENCIES + 1) * (FREQUENCIES + 1)
    laplacian: Tensor
    to_gradient: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW_PX, periodic=False, dtype=torch.float64)
        self.fourier = WindowedFourier(window, STRIDE_PX, FREQUENCIES)
        v, u = (
            (2 * (torch.pi * f / WINDOW_PX).sin()) ** 2 for f in (self.fourier.v, self.fourier.u)
        )
        power = v[:, None] + u
        laplacian = torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]])
        to_gradient = (power > 0) / power.clamp_min(1e-9)
        self.register_buffer("laplacian", laplacian, persistent=False)
        self.register_buffer("to_gradient", to_gradient.float(), persistent=False)

    def forward(self, light: Tensor) -> Tensor:
        edges = F.conv2d(F.pad(light, (1, 1, 1, 1), mode="replicate"), self.laplacian)
        power = (self.fourier(edges) ** 2).sum(dim=2).transpose(1, 2)
        power = power * self.to_gradient[:, :, None, None]
        logarithm = torch.log(power + _FLOOR).flatten(1, 2)
        return logarithm - logarithm.mean(dim=1, keepdim=True)


class Gradients(nn.Module):
    """Fourier transforms of windows of a picture's gradients, and of its strong gradients.

    (N, 1, H, W), at least a window, to two of (N, 2 * 49 * 25, 2, rows, columns), of g and g |g|:
    differences across and down, horizontal frequencies first; real and imaginary part.
    """

    size = 2 * (2 * LOW_FREQUENCIES + 1) * (LOW_FREQUENCIES + 1)
    differences: Tensor

    def __init__(self) -> None:
        super().__init__()
        half = WINDOW_PX // 2
        window = torch.hann_window(half, periodic=False, dtype=torch.float64)
        self.fourier = WindowedFourier(window, STRIDE_PX // 2, LOW_FREQUENCIES, scale=1 / half)
        across = torch.tensor([[0.0, 0, 0], [-1, 0, 1], [0, 0, 0]])
        differences = torch.stack([across, across.T])[:, None]
        self.register_buffer("differences", differences, persistent=False)

    def forward(self, light: Tensor) -> tuple[Tensor, Tensor]:
        half = F.pad(F.avg_pool2d(light, 2), (1, 1, 1, 1), mode="replicate")
        g = F.conv2d(half, self.differences)
        g = g * torch.rsqrt((g**2).mean(dim=(1, 2, 3), keepdim=True) + 1e-7)
        g = g.clamp(-_STRONGEST, _STRONGEST)
        batch, _, height, width = g.shape
        signals = torch.cat([g, g * g.abs()], dim=1).reshape(4 * batch, 1, height, width)
        transformed = self.fourier(signals).transpose(2, 3)  # the parts after the frequencies
        transformed = transformed.reshape(batch, 2, -1, 2, *transformed.shape[-2:])
        return transformed[:, 0], transformed[:, 1]


def cross(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of the cross-spectrum of (..., 2, rows, columns), without the 2."""
    (a, b), (c, d) = one.unbind(dim=-3), other.unbind(dim=-3)
    return a * c + b * d, c * b - d * a


def linear_light(x: Tensor) -> Tensor:
    """Of a picture in 0...1."""
    return x.clamp(0, 1) ** 2.2


def enlarged_grey(light: Tensor) -> Tensor:
    """Light (N, 1, H, W), at least a window."""
    light = light.mean(dim=1, keepdim=True)
    below, right = (
        torch.sym_max(WINDOW_PX - side, 0)  # type: ignore[no-untyped-call]
        for side in light.shape[2:]
    )
    return F.pad(light, (0, right, 0, below), mode="replicate")


def near_and_everywhere(spectrum: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Coherences around each window and over all, of a cross-spectrum and what it is of."""
    parts = (spectrum, *((part**2).sum(dim=-3) for part in (one, other)))
    near = (F.avg_pool2d(p, 3, 1, padding=1, count_include_pad=False) for p in parts)
    everywhere = (part.mean(dim=(2, 3), keepdim=True) for part in parts)
    return _coherence(*near), _coherence(*everywhere)


def _coherence(spectrum: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """In -1...1, of averages over windows, of a cross-spectrum and of either's power."""
    return spectrum * torch.rsqrt(one * other + _FLOOR)


def mirrored_phases(phases: Tensor) -> Tensor:
    u, v = LOW_FREQUENCIES + 1, 2 * LOW_FREQUENCIES + 1
    return phases.view(-1, 2, u, v).flip(3).flatten(1)
