"""The translator's usual network, and the sizes at which what it makes is judged.

The method judges G at several scales (Blur2Blur, Pham et al., CVPR 2024, section 3), each an output
of its own, of which the finest is used. Here all are sizes of that one: what is judged is what the
deblurrer gets. With outputs of their own the coarser ones answered for how far the blur reaches,
nothing but fine detail was asked of the one that is used, and any blur did for a goal: 30 to 50 px
won as much as the blur that the deblurrer knows (`bench blur2blur`, row ``wrong-known``).
"""

import torch.nn.functional as F
from torch import Tensor

from engines.networks import PlainUNetSpec

SIZES = 3
TRANSLATOR = PlainUNetSpec(stem=4, width=32, encoder_blocks=(1, 1, 2), decoder_blocks=(1, 1))
"""A fifth of the time of the deblurrer that it stands before."""


def pyramid(x: Tensor) -> list[Tensor]:
    """Pictures at full, half and quarter size, by the mean of blocks: nothing is aliased."""
    return [x, *(F.avg_pool2d(x, 2**level) for level in range(1, SIZES))]
