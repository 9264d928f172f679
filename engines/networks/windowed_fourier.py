"""Fourier transforms of a picture's windows, and back, as convolutions, which every backend has."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class WindowedFourier(nn.Module):
    """Fourier transform of windows.

    float (N, 1, H, W) to (N, k + 1, 2, 2 * k + 1, rows, columns): horizontal frequencies of 0...k
    cycles a window; real and imaginary part; vertical ones of -k...k.

    Args:
        window: float64 (side,), what rows and columns of a window are multiplied by.
        stride_px: from one window to the next; the side is a multiple.
        frequencies: k, less than half the period.
        scale: of the values.
        period: what frequencies are cycles of, where it is not the window's side.
        origin: the place in the window that phases are counted from.
    """

    across: Tensor
    down: Tensor

    def __init__(
        self,
        window: Tensor,
        stride_px: int,
        frequencies: int,
        scale: float = 1.0,
        period: int | None = None,
        origin: int = 0,
    ) -> None:
        super().__init__()
        self.stride_px = stride_px
        self.u = torch.arange(0, frequencies + 1, dtype=torch.float64)
        self.v = torch.arange(-frequencies, frequencies + 1, dtype=torch.float64)
        place = torch.arange(len(window), dtype=torch.float64) - origin
        angle = -2 * torch.pi / (period or len(window)) * place
        across, down = (_turns(f[:, None] * angle, window) for f in (self.u, self.v))
        # Strides are taken as channels: convolutions that leap are slow, backwards above all.
        across = scale * _first(across).reshape(2 * len(self.u), -1, stride_px).transpose(1, 2)
        down = _times(down).reshape(2 * len(self.v), 2, -1, stride_px).transpose(2, 3).flatten(1, 2)
        self.register_buffer("across", across[:, :, None].contiguous(), persistent=False)
        self.register_buffer("down", down[:, :, :, None].contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        u, v, stride = len(self.u), len(self.v), self.stride_px
        batch, _, height, width = x.shape
        down, across = height // stride, width // stride
        strips = x[:, 0, : down * stride, : across * stride]
        strips = strips.reshape(batch, down * stride, across, stride).permute(0, 3, 1, 2)
        lines = F.conv2d(strips, self.across)
        columns = across - self.across.shape[3] + 1
        lines = lines.reshape(batch * u, 2, down, stride, columns).transpose(2, 3)
        parts = F.conv2d(lines.reshape(batch * u, 2 * stride, down, columns), self.down)
        rows = down - self.down.shape[2] + 1
        return parts.reshape(batch, u, 2, v, rows, columns)


class OverlapAdd(nn.Module):
    """From what :class:`WindowedFourier` gives back to pictures: windows transformed and added up.

    (N, k + 1, 2, 2 * k + 1, rows, columns), half a window apart, to (N, 1, H, W), where two windows
    overlap each way: from half a window on, (rows - 1) and (columns - 1) halves. What the transform
    left out stays out: frequencies beyond k. Hann's window, its root on either way, gives the
    picture back.

    Args:
        fourier: the transform; its scale was 1 over the square of the side.
        window: float64 (side,), what windows are multiplied by before they are added.
    """

    across: Tensor
    down: Tensor

    def __init__(self, fourier: WindowedFourier, window: Tensor) -> None:
        super().__init__()
        self.stride_px = fourier.stride_px
        angle = -2 * torch.pi / len(window) * torch.arange(len(window), dtype=torch.float64)
        across, down = (_turns(f[:, None] * angle, window) for f in (fourier.u, fourier.v))
        twice = torch.where(fourier.u > 0, 2.0, 1.0)  # the other half's are the conjugates
        across = _first(twice[:, None, None] * across)[:, None]
        # Two neighbours make half a window: the second half of one, the first of the next.
        self.register_buffer("across", self._halves(across)[:, :, None], persistent=False)
        self.register_buffer("down", self._halves(_times(down))[..., None], persistent=False)

    def _halves(self, weights: Tensor) -> Tensor:
        """Of a transform back (in, out, side), a convolution's (out * side / 2, in, 2)."""
        first, second = weights.chunk(2, dim=2)
        return torch.stack([second, first], dim=-1).permute(1, 2, 0, 3).flatten(0, 1).contiguous()

    def forward(self, transformed: Tensor) -> Tensor:
        batch, u, _, v, rows, columns = transformed.shape
        half = self.stride_px
        lines = F.conv2d(transformed.reshape(batch * u, 2 * v, rows, columns), self.down)
        lines = lines.reshape(batch, 2 * u, half, rows - 1, columns).transpose(2, 3)
        places = F.conv2d(lines.reshape(batch, 2 * u, half * (rows - 1), columns), self.across)
        places = places.permute(0, 2, 3, 1)
        return places.reshape(batch, 1, half * (rows - 1), half * (columns - 1))


def _turns(phase: Tensor, window: Tensor) -> Tensor:
    """Real and imaginary part of windowed waves, float64 (k, 2, side)."""
    return torch.stack([window * phase.cos(), window * phase.sin()], dim=1)


def _first(waves: Tensor) -> Tensor:
    """What real numbers are multiplied by, float (2 * k, side)."""
    return waves.flatten(0, 1).float()


def _times(waves: Tensor) -> Tensor:
    """What complex ones are multiplied by, float (2 * k, 2, side)."""
    real, imaginary = waves[:, 0], waves[:, 1]
    rows = torch.stack([real, -imaginary], dim=1), torch.stack([imaginary, real], dim=1)
    return torch.cat(rows).float()
