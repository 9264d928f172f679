"""Undoing a motion that is known in part: Wiener's filter on features, window by window.

Convolutions undo a blur as far as they reach, and have to be shown every motion there is. Divided
by the kernel's spectrum a window is sharp at once, but for what the blur wiped out, which a network
can fill in. To filter features, not the picture, is from Dong, Roth and Schiele, Deep Wiener
Deconvolution (NeurIPS 2020). There the kernel is given; here it is the mean of displacements by
their probabilities, and the network learns how far to trust it at which frequency.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.windowed_fourier import OverlapAdd, WindowedFourier

_WINDOW = 64
_STRIDE = _WINDOW // 2
_FREQUENCIES = _WINDOW // 2 - 1
_CELLS = 8
"""Squares for which displacements are told, a window's side."""
_QUIETEST, _LOUDEST = -9.0, 6.0


class Deconvolution(nn.Module):
    """Feature channels, each filtered by what displacements are probable around each place.

    Args:
        bins: displacements are told apart on a square grid of this side, in pixels of the features.
        hidden: width of what tells how far they are to be trusted.
    """

    def __init__(self, bins: int, hidden: int) -> None:
        super().__init__()
        window = torch.hann_window(_WINDOW, periodic=True, dtype=torch.float64).sqrt()
        self.bins = bins
        self.fourier = WindowedFourier(window, _STRIDE, _FREQUENCIES, scale=_WINDOW**-2)
        self.back = OverlapAdd(self.fourier, window)
        everywhere = torch.ones(bins, dtype=torch.float64)
        self.kernel = WindowedFourier(
            everywhere, bins, _FREQUENCIES, period=_WINDOW, origin=bins // 2
        )
        u, v = self.fourier.u, self.fourier.v
        self.noise = nn.Conv2d(hidden, len(u) * len(v), 1)
        nn.init.zeros_(self.noise.weight)
        assert self.noise.bias is not None
        with torch.no_grad():  # scenes are weaker at high frequencies, noise is not
            high = (u[:, None] ** 2 + v**2).sqrt().flatten() / _FREQUENCIES
            self.noise.bias.copy_(-4.0 + 2.0 * high)

    def forward(self, features: Tensor, motion: Tensor, hidden: Tensor) -> Tensor:
        """Undo the motion.

        Args:
            features: float (N, C, H, W).
            motion: their probabilities, float (N, bins * bins, H / 8, W / 8), rows first.
            hidden: float (N, hidden, H / 8, W / 8).

        Returns:
            float (N, C, H, W).
        """
        batch, channels, height, width = features.shape
        padded = F.pad(features, (_STRIDE, _WINDOW, _STRIDE, _WINDOW), mode="replicate")
        windows = self.fourier(padded.reshape(batch * channels, 1, *padded.shape[2:]))
        _, u, _, v, rows, columns = windows.shape
        windows = windows.reshape(batch, channels, u, 2, v, rows, columns)
        noise = self.noise(_around(hidden)).clamp(_QUIETEST, _LOUDEST).exp()
        noise = noise.reshape(batch, 1, u, v, rows, columns)
        grids = _around(motion).permute(0, 2, 3, 1).reshape(-1, 1, self.bins, self.bins)
        kernel = self.kernel(grids).reshape(batch, rows, columns, u, 2, v)
        kernel = kernel.permute(0, 3, 4, 5, 1, 2)[:, None]
        real, imaginary = kernel[:, :, :, 0], kernel[:, :, :, 1]
        inverse = 1 / (real**2 + imaginary**2 + noise)
        real, imaginary = real * inverse, imaginary * inverse
        given, turned = windows[:, :, :, 0], windows[:, :, :, 1]
        undone = torch.stack(
            [given * real + turned * imaginary, turned * real - given * imaginary], dim=3
        )
        pictures: Tensor = self.back(undone.reshape(batch * channels, u, 2, v, rows, columns))
        return pictures[:, :, :height, :width].reshape(batch, channels, height, width)


def _around(cells: Tensor) -> Tensor:
    """Means of cells over each window, float (N, C, rows, columns)."""
    padded = F.pad(cells, (_CELLS // 2, _CELLS, _CELLS // 2, _CELLS), mode="replicate")
    means: Tensor = F.avg_pool2d(padded, _CELLS, _CELLS // 2)
    return means
