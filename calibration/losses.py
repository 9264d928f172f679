"""What a restored picture is compared by while training."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from calibration.features import FeatureDistance


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the terms beside Charbonnier, whose weight is 1.

    Charbonnier alone paints the average of what the sharp picture may have been. The Fourier term
    asks for the strength of detail, the feature term for what looks alike.
    """

    frequency: float = 0.05
    feature: float = 0.0

    def __str__(self) -> str:
        return f"Charbonnier + {self.frequency} Fourier L1 + {self.feature} feature distance"


class RestorationLoss(nn.Module):
    """The weighted sum, a scalar, of float pictures (N, 3, H, W) in 0...1.

    Raises:
        CalibrationError: a feature term is asked for without the package of its weights.
    """

    def __init__(self, weights: LossWeights) -> None:
        super().__init__()
        self.weights = weights
        self.feature_distance = FeatureDistance() if weights.feature else None

    def forward(self, restored: Tensor, truth: Tensor) -> Tensor:
        loss = charbonnier(restored, truth)
        if self.weights.frequency:
            loss = loss + self.weights.frequency * frequency_l1(restored, truth)
        if self.feature_distance is not None:
            loss = loss + self.weights.feature * self.feature_distance(restored, truth).mean()
        return loss


def charbonnier(restored: Tensor, truth: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(difference² + epsilon²), a smooth L1 (Lai et al., CVPR 2017)."""
    loss: Tensor = torch.sqrt((restored - truth) ** 2 + epsilon**2).mean()
    return loss


def frequency_l1(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of the Fourier coefficients (MIMO-UNet, Cho et al., ICCV 2021)."""
    difference = torch.fft.rfft2(restored - truth, norm="ortho")
    loss: Tensor = difference.abs().mean()
    return loss
