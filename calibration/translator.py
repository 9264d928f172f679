"""The translator while it is trained: a picture at full, half and quarter size.

The method wants outputs at several scales (Blur2Blur, Pham et al., CVPR 2024, section 3). A plain
U-Net has them for the asking: what each level of its decoder ends with becomes a picture through a
head of its own, which is left behind when the translator is exported.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks import PlainUNet, PlainUNetSpec
from engines.networks.plain_unet import Enlarge

SCALES = 3
TRANSLATOR = PlainUNetSpec(stem=4, width=32, encoder_blocks=(1, 1, 2), decoder_blocks=(1, 1))
"""A fifth of the time of the deblurrer that it stands before."""


class MultiScaleTranslator(nn.Module):
    """A plain U-Net of three levels with a head a level; untrained it is the identity.

    Input: float (N, 3, H, W) in 0...1. Output: pictures at full, half and quarter size, each a
    correction added to the input, reduced by the mean of blocks.
    """

    def __init__(self, network: PlainUNet) -> None:
        super().__init__()
        spec = network.spec
        if len(spec.encoder_blocks) != SCALES:
            raise ValueError(f"a translator has {SCALES} levels, not {len(spec.encoder_blocks)}")
        self.network = network
        self.heads = nn.ModuleList(
            Enlarge(nn.Conv2d(spec.width * 2**level, 3 * spec.stem**2, 3, padding=1), spec.stem)
            for level in range(1, SCALES)
        )
        for head in self.heads:
            nn.init.zeros_(head.get_parameter("0.weight"))
            nn.init.zeros_(head.get_parameter("0.bias"))

    def forward(self, x: Tensor) -> list[Tensor]:
        finest, *coarser = self.network.features(x)
        corrections = [self.network.head(finest)]
        corrections += [head(f) for head, f in zip(self.heads, coarser, strict=True)]
        return [y + c for y, c in zip(pyramid(x), corrections, strict=True)]


def pyramid(x: Tensor) -> list[Tensor]:
    """The picture at full, half and quarter size, by the mean of blocks: nothing is aliased."""
    return [x, F.avg_pool2d(x, 2), F.avg_pool2d(x, 4)]
