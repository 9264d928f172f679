"""Reading the motion off a picture's windows: what Fourier spectra of several orders say of it.

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
FREQUENCIES = 32
"""Highest frequency of the power that is read, in cycles a window; above, noise is stronger."""
LOW_FREQUENCIES = 24
"""The same of what tells a motion from its mirror image."""
_FLOOR = 1e-5
_UNSEEN = 5.0
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


class Statistics(NamedTuple):
    """What is read of a picture.

    Attributes:
        near: of each window, of 128 px and 32 px apart, float (N, size, rows, columns).
        everywhere: of the whole picture, float (N, size, 1, 1).
        gradients: their transform, which later pictures are compared to, as :class:`Gradients` has.
    """

    near: Tensor
    everywhere: Tensor
    gradients: Tensor


class MotionReader(nn.Module):
    """How probable each displacement is, by the statistics of windows and a perceptron.

    Args:
        motions: number of displacements that are told apart.
        hidden: width of the perceptron.
    """

    size = WindowSpectra.size + Gradients.size

    def __init__(self, motions: int, hidden: int) -> None:
        super().__init__()
        self.spectra = WindowSpectra()
        self.gradients = Gradients()
        self.standardised = Standardised(self.size)
        self.power = nn.Conv2d(WindowSpectra.size, hidden, 1)
        self.phase = nn.Conv2d(Gradients.size, hidden // 4, 1)
        self.both = nn.Conv2d(hidden + hidden // 4, hidden, 1)
        self.motion = nn.Conv2d(hidden, motions, 1)

    def hidden(self, statistics: Tensor, dropped: float = 0.0) -> Tensor:
        """What the perceptron makes of statistics (N, size, ...), float (N, hidden, ...).

        Args:
            statistics: as of :meth:`statistics`.
            dropped: in training, the share of hidden values that are left out; of phases, which
                are many and say little each, twice as much.
        """
        power, phase = _apart(self.standardised(statistics))
        phase = self.phase(F.dropout(phase, 2 * dropped))
        hidden = F.dropout(F.gelu(torch.cat([self.power(power), phase], dim=1)), dropped)
        return F.gelu(self.both(hidden))

    def logits(self, statistics: Tensor, dropped: float = 0.0) -> Tensor:
        """Logits (N, motions, ...); arguments as of :meth:`hidden`."""
        logits: Tensor = self.motion(F.dropout(self.hidden(statistics, dropped), dropped))
        return logits

    def statistics(self, light: Tensor) -> "Statistics":
        """What is read, of float (N, 3, H, W), as :func:`linear_light` gives it.

        Smaller pictures are enlarged to a window by their edges.
        """
        grey = _enlarged_grey(light)
        spectra = self.spectra(grey)
        weak, strong = self.gradients(grey)
        _, imaginary = cross(weak, strong)
        near, everywhere = _near_and_everywhere(imaginary, weak, strong)
        return Statistics(
            torch.cat([spectra, near], dim=1),
            torch.cat([spectra.mean(dim=(2, 3), keepdim=True), everywhere], dim=1),
            weak,
        )

    @staticmethod
    def mirrored(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of the picture that is mirrored left to right."""
        spectra, asymmetry = _apart(statistics)
        spectra = spectra.view(-1, 2 * FREQUENCIES + 1, FREQUENCIES + 1).flip(1).flatten(1)
        return torch.cat([spectra, -_mirrored(asymmetry)], dim=1)

    @staticmethod
    def turned(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of the picture that is turned by half a turn."""
        spectra, asymmetry = _apart(statistics)
        return torch.cat([spectra, -asymmetry], dim=1)


class ComparingReader(nn.Module):
    """The same of a picture and its first restoration, in which edges are sharper.

    It goes on from what a :class:`MotionReader` made of the picture. Cross-spectra with a picture
    that is nearly sharp are those with the scene, nearly: the kernel's own spectrum, phase and all.

    Args:
        motions, hidden: as of the first reader.
    """

    size = 4 * Gradients.size

    def __init__(self, motions: int, hidden: int) -> None:
        super().__init__()
        self.gradients = Gradients()
        self.standardised = Standardised(self.size)
        self.phase = nn.Conv2d(self.size, hidden // 4, 1)
        self.both = nn.Conv2d(hidden + hidden // 4, hidden, 1)
        self.motion = nn.Conv2d(hidden, motions, 1)

    def logits(self, statistics: Tensor, hidden: Tensor, dropped: float = 0.0) -> Tensor:
        """Logits (N, motions, ...).

        Args:
            statistics: (N, size, ...), as of :meth:`statistics`.
            hidden: (N, hidden, ...), the first reader's.
            dropped: as of the first reader.
        """
        phase = self.phase(F.dropout(self.standardised(statistics), 2 * dropped))
        both = F.dropout(torch.cat([hidden, F.gelu(phase)], dim=1), dropped)
        logits: Tensor = self.motion(F.dropout(F.gelu(self.both(both)), dropped))
        return logits

    def statistics(self, given: Tensor, restored: Tensor) -> tuple[Tensor, Tensor]:
        """What is read, around each window and over the whole picture.

        Args:
            given: the gradients of the picture, as in :class:`Statistics`.
            restored: float (N, 3, H, W), as :func:`linear_light` gives it.
        """
        parts = [
            _near_and_everywhere(spectrum, given, other)
            for other in self.gradients(_enlarged_grey(restored))
            for spectrum in cross(given, other)
        ]
        near, everywhere = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        return near, everywhere

    @staticmethod
    def mirrored(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of pictures that are mirrored left to right."""
        parts = statistics.view(-1, 4, Gradients.size).unbind(dim=1)
        signs = (1, -1, 1, -1)  # a real part, an imaginary part, and again
        return torch.cat([s * _mirrored(part) for s, part in zip(signs, parts, strict=True)], dim=1)

    @staticmethod
    def turned(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of pictures that are turned by half a turn."""
        parts = statistics.view(-1, 2, 2, Gradients.size)
        return torch.stack([parts[:, :, 0], -parts[:, :, 1]], dim=2).flatten(1)


def linear_light(x: Tensor) -> Tensor:
    """Of a picture in 0...1."""
    return x.clamp(0, 1) ** 2.2


def _enlarged_grey(light: Tensor) -> Tensor:
    """Light (N, 1, H, W), at least a window."""
    light = light.mean(dim=1, keepdim=True)
    below, right = (
        torch.sym_max(WINDOW_PX - side, 0)  # type: ignore[no-untyped-call]
        for side in light.shape[2:]
    )
    return F.pad(light, (0, right, 0, below), mode="replicate")


def _near_and_everywhere(spectrum: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Coherences around each window and over all, of a cross-spectrum and what it is of."""
    parts = (spectrum, *((part**2).sum(dim=-3) for part in (one, other)))
    near = (F.avg_pool2d(p, 3, 1, padding=1, count_include_pad=False) for p in parts)
    everywhere = (part.mean(dim=(2, 3), keepdim=True) for part in parts)
    return _coherence(*near), _coherence(*everywhere)


def _coherence(spectrum: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """In -1...1, of averages over windows, of a cross-spectrum and of either's power."""
    return spectrum * torch.rsqrt(one * other + _FLOOR)


def _mirrored(phases: Tensor) -> Tensor:
    u, v = LOW_FREQUENCIES + 1, 2 * LOW_FREQUENCIES + 1
    return phases.view(-1, 2, u, v).flip(3).flatten(1)


def _apart(statistics: Tensor) -> tuple[Tensor, Tensor]:
    return statistics[:, : WindowSpectra.size], statistics[:, WindowSpectra.size :]
