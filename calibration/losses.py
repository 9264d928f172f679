"""What a restored picture is compared by while training."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from calibration.evaluation import psnr_db
from calibration.features import FeatureDistance

_FLOOR = 4e-3
"""Error at which a picture counts as restored: one step of 8 bit, which noise alone costs."""
_SURELY_DB = 0.4
_HARDLY_BLURRED_DB = 37.0
"""PSNR that noise and codecs leave: nothing is to be gained there."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the terms beside Charbonnier, whose weight is 1.

    Charbonnier alone paints the average of what the sharp picture may have been. The Fourier term
    asks for the strength of detail, the feature term for what looks alike.

    Attributes:
        relative: average the logarithm of each picture's loss, as PSNR does, so that a picture
            with little to gain and a still background count as much as a high-contrast one;
            otherwise the few with the strongest edges decide alone.
        harm: weight of :func:`harm`, which is added to that.
    """

    frequency: float = 0.05
    feature: float = 0.0
    relative: bool = True
    harm: float = 0.0

    def __str__(self) -> str:
        terms = f"Charbonnier + {self.frequency} Fourier L1 + {self.feature} feature distance"
        told = f"mean logarithm of ({terms})" if self.relative else terms
        return f"{told} + {self.harm} harm" if self.harm else told


class RestorationLoss(nn.Module):
    """The weighted sum, a scalar, of float pictures (N, 3, H, W) in 0...1: what was restored, the
    truth, and the blurred ones.

    Raises:
        CalibrationError: a feature term is asked for without the package of its weights.
    """

    def __init__(self, weights: LossWeights) -> None:
        super().__init__()
        self.weights = weights
        self.feature_distance = FeatureDistance() if weights.feature else None

    def forward(self, restored: Tensor, truth: Tensor, blurred: Tensor) -> Tensor:
        losses = charbonnier(restored, truth)
        if self.weights.frequency:
            losses = losses + self.weights.frequency * frequency_l1(restored, truth)
        if self.feature_distance is not None:
            losses = losses + self.weights.feature * self.feature_distance(restored, truth)
        loss = torch.log(losses + _FLOOR).mean() if self.weights.relative else losses.mean()
        if self.weights.harm:
            loss = loss + self.weights.harm * harm(restored, truth, blurred).mean()
        return loss


def charbonnier(restored: Tensor, truth: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(difference² + epsilon²), a smooth L1 (Lai et al., CVPR 2017), (N,)."""
    loss: Tensor = torch.sqrt((restored - truth) ** 2 + epsilon**2).mean(dim=(1, 2, 3))
    return loss


def frequency_l1(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean Fourier coefficient of the difference (MIMO-UNet, Cho et al., ICCV 2021), (N,)."""
    difference = torch.fft.rfft2(restored - truth, norm="ortho")
    loss: Tensor = difference.abs().mean(dim=(1, 2, 3))
    return loss


def harm(restored: Tensor, truth: Tensor, blurred: Tensor) -> Tensor:
    """How far a picture is from being surely better than it came, by its gain in PSNR, (N,).

    The softplus of the gain, negative, in units of 0.4 dB: 0 where it is good, 0.7 where there is
    none. So it counts most where little is to be gained, as of sand that was blurred to nothing.
    It is 0 of pictures that are hardly blurred.
    """
    before_db = psnr_db(blurred, truth)
    gain_db = psnr_db(restored.clamp(0, 1), truth) - before_db
    return ((before_db < _HARDLY_BLURRED_DB) * F.softplus(-gain_db / _SURELY_DB)).float()
