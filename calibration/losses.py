"""What a restored picture is compared by while training."""

import torch
from torch import Tensor


def charbonnier(restored: Tensor, truth: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(difference² + epsilon²), a smooth L1 (Lai et al., CVPR 2017)."""
    loss: Tensor = torch.sqrt((restored - truth) ** 2 + epsilon**2).mean()
    return loss


def frequency_l1(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of the Fourier coefficients (MIMO-UNet, Cho et al., ICCV 2021)."""
    difference = torch.fft.rfft2(restored - truth, norm="ortho")
    loss: Tensor = difference.abs().mean()
    return loss
