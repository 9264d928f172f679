"""Reading the motion off a picture's windows: what Fourier spectra of several orders say of it.

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

WINDOW_PX = 128
"""Side of the windows whose spectra are read."""
STRIDE_PX = 32
FREQUENCIES = 32
"""Highest frequency of the power that is read, in cycles a window; above, noise is stronger."""
LOW_FREQUENCIES = 24
"""The same of what tells a motion from its mirror image."""
_FLOOR = 1e-5
_UNSEEN = 5.0
_STRONGEST = 8.0


class WindowedFourier(nn.Module):
    """Fourier transform of windows under Hann's function.

    float (N, 1, H, W) to (N, k + 1, 2, 2 * k + 1, rows, columns): horizontal frequencies of 0...k
    cycles a window; real and imaginary part; vertical ones of -k...k. It is two convolutions, which
    every backend has.
    """

    across: Tensor
    down: Tensor

    def __init__(
        self, window_px: int, stride_px: int, frequencies: int, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.stride_px = stride_px
        self.u = torch.arange(0, frequencies + 1, dtype=torch.float64)
        self.v = torch.arange(-frequencies, frequencies + 1, dtype=torch.float64)
        place = torch.arange(window_px, dtype=torch.float64)
        window = torch.hann_window(window_px, periodic=False, dtype=torch.float64)
        (cos_u, sin_u), (cos_v, sin_v) = (
            (window * phase.cos(), -window * phase.sin())
            for phase in (2 * torch.pi / window_px * f[:, None] * place for f in (self.u, self.v))
        )
        real, imaginary = torch.stack([cos_v, -sin_v], dim=1), torch.stack([sin_v, cos_v], dim=1)
        across = scale * torch.stack([cos_u, sin_u], dim=1).reshape(-1, 1, 1, window_px)
        down = torch.cat([real, imaginary])[:, :, :, None]
        self.register_buffer("across", across.float(), persistent=False)
        self.register_buffer("down", down.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        u, v = len(self.u), len(self.v)
        rows = F.conv2d(x, self.across, stride=(1, self.stride_px))
        batch, _, height, columns = rows.shape
        parts = F.conv2d(
            rows.reshape(batch * u, 2, height, columns), self.down, stride=(self.stride_px, 1)
        )
        return parts.reshape(batch, u, 2, v, -1, columns)


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
        self.fourier = WindowedFourier(WINDOW_PX, STRIDE_PX, FREQUENCIES)
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


class WindowAsymmetry(nn.Module):
    """What tells a motion from its mirror image: the phase between gradients and strong gradients.

    (N, 1, H, W), at least a window, to three of (N, 2 * 49 * 25, rows, columns), for differences
    across and down: the imaginary part of the cross-spectrum of g with g |g|, and the power of
    either, horizontal frequencies first. Averaged over windows they give a coherence.
    """

    size = 2 * (2 * LOW_FREQUENCIES + 1) * (LOW_FREQUENCIES + 1)
    differences: Tensor

    def __init__(self) -> None:
        super().__init__()
        half = WINDOW_PX // 2
        self.fourier = WindowedFourier(half, STRIDE_PX // 2, LOW_FREQUENCIES, scale=1 / half)
        across = torch.tensor([[0.0, 0, 0], [-1, 0, 1], [0, 0, 0]])
        differences = torch.stack([across, across.T])[:, None]
        self.register_buffer("differences", differences, persistent=False)

    def forward(self, light: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half = F.pad(F.avg_pool2d(light, 2), (1, 1, 1, 1), mode="replicate")
        g = F.conv2d(half, self.differences)
        g = g * torch.rsqrt((g**2).mean(dim=(1, 2, 3), keepdim=True) + 1e-7)
        g = g.clamp(-_STRONGEST, _STRONGEST)
        batch, _, height, width = g.shape
        signals = torch.cat([g, g * g.abs()], dim=1).reshape(4 * batch, 1, height, width)
        transformed = self.fourier(signals).transpose(2, 3)  # the parts after the frequencies
        transformed = transformed.reshape(batch, 2, -1, 2, *transformed.shape[-2:])
        weak, strong = transformed[:, 0], transformed[:, 1]
        imaginary = strong[:, :, 0] * weak[:, :, 1] - strong[:, :, 1] * weak[:, :, 0]
        return imaginary, (weak**2).sum(dim=2), (strong**2).sum(dim=2)

    @staticmethod
    def coherence(imaginary: Tensor, weak: Tensor, strong: Tensor) -> Tensor:
        """Of averages over windows, in -1...1."""
        return imaginary * torch.rsqrt(weak * strong + _FLOOR)


class Standardised(nn.Module):
    """Each channel less its mean, over its deviation, as measured once on many pictures.

    What lies further out than anything that was measured, as the spectrum of a flat picture does,
    is cut off.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    @property
    def measured(self) -> bool:
        return bool((self.deviation != 1).any())

    def measure(self, values: Tensor) -> None:
        """Take means and deviations of float (N, channels)."""
        self.mean.copy_(values.mean(dim=0))
        self.deviation.copy_(values.std(dim=0) + 1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y = (x - self.mean[:, None, None]) / self.deviation[:, None, None]
        return y.clamp(-_UNSEEN, _UNSEEN)


class MotionReader(nn.Module):
    """How probable each displacement is, by the statistics of windows and a perceptron.

    Args:
        motions: number of displacements that are told apart.
        hidden: width of the perceptron.
    """

    size = WindowSpectra.size + WindowAsymmetry.size

    def __init__(self, motions: int, hidden: int) -> None:
        super().__init__()
        self.spectra = WindowSpectra()
        self.asymmetry = WindowAsymmetry()
        self.around = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
        self.standardised = Standardised(self.size)
        self.power = nn.Conv2d(WindowSpectra.size, hidden, 1)
        self.phase = nn.Conv2d(WindowAsymmetry.size, hidden // 4, 1)
        self.both = nn.Conv2d(hidden + hidden // 4, hidden, 1)
        self.motion = nn.Conv2d(hidden, motions, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, motions, rows, columns) of windows, and (N, motions, 1, 1) of the picture."""
        near, everywhere = (self.logits(part) for part in self.statistics(x))
        return near, everywhere

    def logits(self, statistics: Tensor, dropped: float = 0.0) -> Tensor:
        """Logits (N, motions, ...) of statistics (N, size, rows, columns).

        Args:
            statistics: as of :meth:`statistics`.
            dropped: in training, the share of hidden values that are left out; of phases, which
                are many and say little each, twice as much.
        """
        power, phase = _apart(self.standardised(statistics))
        phase = self.phase(F.dropout(phase, 2 * dropped))
        hidden = F.dropout(F.gelu(torch.cat([self.power(power), phase], dim=1)), dropped)
        logits: Tensor = self.motion(F.dropout(F.gelu(self.both(hidden)), dropped))
        return logits

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is read, around each window and over the whole picture.

        Args:
            x: float (N, 3, H, W) in 0...1. Smaller ones are enlarged to a window by their edges.

        Returns:
            float (N, size, rows, columns), windows of 128 px, 32 px apart, and (N, size, 1, 1).
        """
        light = (x.clamp(0, 1) ** 2.2).mean(dim=1, keepdim=True)
        below, right = (
            torch.sym_max(WINDOW_PX - side, 0)  # type: ignore[no-untyped-call]
            for side in light.shape[2:]
        )
        light = F.pad(light, (0, right, 0, below), mode="replicate")
        spectra, asymmetry = self.spectra(light), self.asymmetry(light)
        near = self.asymmetry.coherence(*(self.around(part) for part in asymmetry))
        whole = (part.mean(dim=(2, 3), keepdim=True) for part in asymmetry)
        everywhere = self.asymmetry.coherence(*whole)
        return (
            torch.cat([spectra, near], dim=1),
            torch.cat([spectra.mean(dim=(2, 3), keepdim=True), everywhere], dim=1),
        )

    @staticmethod
    def mirrored(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of the picture that is mirrored left to right."""
        spectra, asymmetry = _apart(statistics)
        u, v = LOW_FREQUENCIES + 1, 2 * LOW_FREQUENCIES + 1
        spectra = spectra.view(-1, 2 * FREQUENCIES + 1, FREQUENCIES + 1).flip(1).flatten(1)
        asymmetry = -asymmetry.view(-1, 2, u, v).flip(3).flatten(1)
        return torch.cat([spectra, asymmetry], dim=1)

    @staticmethod
    def turned(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of the picture that is turned by half a turn."""
        spectra, asymmetry = _apart(statistics)
        return torch.cat([spectra, -asymmetry], dim=1)


def _apart(statistics: Tensor) -> tuple[Tensor, Tensor]:
    return statistics[:, : WindowSpectra.size], statistics[:, WindowSpectra.size :]
