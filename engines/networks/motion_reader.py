"""Reading the motion off a picture: perceptrons that have learned how it shows in spectra."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.spectra import (
    FREQUENCIES,
    STRIDE_PX,
    WINDOW_PX,
    Gradients,
    Waves,
    WindowSpectra,
    enlarged,
    mirrored_phases,
)

_UNSEEN = 5.0


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
        near: around each window, of 128 px and 32 px apart, or between four that are 64 px apart,
            float (N, size, rows, columns).
        everywhere: of the whole picture, float (N, size, 1, 1).
        gradients: their transform, which later pictures are compared to.
    """

    near: Tensor
    everywhere: Tensor
    gradients: Waves


class MotionReader(nn.Module):
    """How probable each displacement is, by the statistics of windows and a perceptron.

    Args:
        motions: number of displacements that are told apart.
        hidden: width of the perceptron.
        stride_px: from one window to the next, 32 or 64.
    """

    size = WindowSpectra.size + Gradients.size

    def __init__(self, motions: int, hidden: int, stride_px: int = STRIDE_PX) -> None:
        super().__init__()
        self.least_px = _least_px(stride_px)
        self.spectra = WindowSpectra(stride_px)
        self.gradients = Gradients(stride_px)
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

        Smaller pictures than there are windows in are enlarged by their edges.
        """
        light = enlarged(light, self.least_px)
        spectra = self.spectra(light)
        weak, strong = self.gradients(light)
        near, everywhere = self.gradients.coherence(weak, strong, imaginary=True)
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
        return torch.cat([spectra, -mirrored_phases(asymmetry)], dim=1)

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
        motions, hidden, stride_px: as of the first reader.
    """

    size = 4 * Gradients.size

    def __init__(self, motions: int, hidden: int, stride_px: int = STRIDE_PX) -> None:
        super().__init__()
        self.least_px = _least_px(stride_px)
        self.gradients = Gradients(stride_px)
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

    def statistics(self, given: Waves, restored: Tensor) -> tuple[Tensor, Tensor]:
        """What is read, around each window and over the whole picture.

        Args:
            given: the gradients of the picture, as in :class:`Statistics`.
            restored: float (N, 3, H, W), as :func:`linear_light` gives it.
        """
        parts = [
            self.gradients.coherence(given, other, imaginary)
            for other in self.gradients(enlarged(restored, self.least_px))
            for imaginary in (False, True)
        ]
        near, everywhere = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        return near, everywhere

    @staticmethod
    def mirrored(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of pictures that are mirrored left to right."""
        parts = statistics.view(-1, 4, Gradients.size).unbind(dim=1)
        signs = (1, -1, 1, -1)  # a real part, an imaginary part, and again
        return torch.cat(
            [s * mirrored_phases(part) for s, part in zip(signs, parts, strict=True)], dim=1
        )

    @staticmethod
    def turned(statistics: Tensor) -> Tensor:
        """Statistics (N, size) of pictures that are turned by half a turn."""
        parts = statistics.view(-1, 2, 2, Gradients.size)
        return torch.stack([parts[:, :, 0], -parts[:, :, 1]], dim=2).flatten(1)


def _apart(statistics: Tensor) -> tuple[Tensor, Tensor]:
    return statistics[:, : WindowSpectra.size], statistics[:, WindowSpectra.size :]


def _least_px(stride_px: int) -> int:
    """The least side of a picture: a window's, or that of two between which there is a place."""
    return WINDOW_PX if stride_px == STRIDE_PX else WINDOW_PX + stride_px
