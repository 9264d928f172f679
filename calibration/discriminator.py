"""Which pictures are of the known blur? The critic that a translator is trained against.

A PatchGAN (Isola et al., CVPR 2017) under spectral normalisation (Miyato et al., ICLR 2018), with
the R1 penalty on real pictures (Mescheder et al., ICML 2018), which holds for any batch. It sees
luma only, less its mean around each pixel, so that it cannot win by colour, brightness or what is
shown; and the same weights see all three sizes.

That it sees fine detail alone is what makes it learn. With all frequencies but the mean it told a
camera's blur from known blur no better than chance after 120 steps, and a translator that learned
from it did nothing after 900. Frozen features of a classifier told them apart after 40, but were
soon fooled by patterns that nobody sees.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_LUMA = (0.299, 0.587, 0.114)
_AROUND_PX = 9
_CONTRAST = 8.0
"""By which fine detail is amplified, to the size that layers expect."""


class Discriminator(nn.Module):
    """Pictures of several sizes, float (N, 3, H, W) in 0...1 each, to logits (N, 1, h, w) each.

    A logit is of a patch of some 70 px of its picture; the same weights see all sizes.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = [1, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(channels):
            layers += [_convolution(inputs, outputs, stride=2), nn.LeakyReLU(0.2)]
        layers += [_convolution(channels[-1], 8 * width, stride=1), nn.LeakyReLU(0.2)]
        layers += [_convolution(8 * width, 1, stride=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, sizes: Sequence[Tensor]) -> list[Tensor]:
        return [self._judge(pictures) for pictures in sizes]

    def _judge(self, pictures: Tensor) -> Tensor:
        luma = _luma(pictures)
        half = _AROUND_PX // 2
        around = F.avg_pool2d(F.pad(luma, (half,) * 4, mode="replicate"), _AROUND_PX, 1)
        logits: Tensor = self.layers(_CONTRAST * (luma - around))
        return logits


def split_luma(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 3, H, W) as luma, (N, 1, H, W), and what there is besides it, (N, 3, H, W)."""
    luma = _luma(pictures)
    return luma, pictures - luma


def _luma(pictures: Tensor) -> Tensor:
    weights = pictures.new_tensor(_LUMA).reshape(1, 3, 1, 1)
    return (pictures * weights).sum(dim=1, keepdim=True)


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Module:
    convolution: nn.Module = spectral_norm(nn.Conv2d(inputs, outputs, 4, stride, padding=1))
    return convolution


def hinge_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """What the discriminator minimises, averaged over the sizes (Lim and Ye, 2017)."""
    losses = [
        torch.relu(1 - r).mean() + torch.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def r1_penalty(critic: nn.Module, sizes: Sequence[Tensor]) -> Tensor:
    """Squared gradient by the real pictures for each logit, mean over pictures and sizes.

    For each logit, not of their sum: so it does not depend on the size of the crops.
    """
    pictures = [picture.detach().requires_grad_() for picture in sizes]
    logits = critic(pictures)
    total = torch.stack([says.sum() for says in logits]).sum()
    gradients = torch.autograd.grad(total, pictures, create_graph=True)
    return torch.stack(
        [g.square().sum() / says.numel() for g, says in zip(gradients, logits, strict=True)]
    ).mean()
