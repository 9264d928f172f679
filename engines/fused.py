"""Translator, deblurrer and everything around them as one graph: uint8 in, uint8 out."""

import math
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.profile import LEFT_BELOW

_BLOCK_PX = 8


@runtime_checkable
class Residual(Protocol):
    """A network that adds something to the picture."""

    def residual(self, x: Tensor) -> Tensor:
        """What it adds to float (N, 3, H, W)."""


class FusedDeblur(nn.Module):
    """``sharp = deblur(G(x))`` from camera pixels to display pixels.

    Input and output: uint8 (N, H, W, 3) RGB of any H and W. Scaling to 0...1, padding by edge
    replication up to ``multiple``, the translator G, the deblurrer, :func:`keep_still`, cropping,
    clipping and rounding are inside, so that a backend compiles all of them and the host copies
    bytes only. The networks compute in the precision of their weights, the rest in fp32: what is
    left alone comes out bit for bit in every precision.

    Source of the composition: Blur2Blur, Pham et al., CVPR 2024, section 3.

    Args:
        translator, deblurrer: float (N, 3, H, W) to the same.
        multiple: what they need H and W to be a multiple of.
        left_below: as of :func:`keep_still`.
    """

    def __init__(
        self,
        translator: nn.Module,
        deblurrer: nn.Module,
        multiple: int,
        left_below: float = LEFT_BELOW,
    ) -> None:
        super().__init__()
        self.translator = translator
        self.deblurrer = deblurrer
        self.left_below = left_below
        self.multiple = math.lcm(multiple, _BLOCK_PX)

    def forward(self, frames: Tensor) -> Tensor:
        return self.levels(frames).to(torch.uint8).contiguous()

    def levels(self, frames: Tensor) -> Tensor:
        """What :meth:`forward` gives, as whole numbers 0...255 in fp32, of bytes or of such."""
        height, width = frames.shape[1], frames.shape[2]
        x = frames.permute(0, 3, 1, 2).to(torch.float32) * (1.0 / 255.0)
        padding = (0, self._missing(width), 0, self._missing(height))
        x = F.pad(x, padding, mode="replicate")
        given = x.to(self.dtype)
        y = keep_still(x, self._correction(given).to(torch.float32), self.left_below)
        y = y[:, :, :height, :width]
        return torch.round(torch.clamp(y * 255.0, 0.0, 255.0)).permute(0, 2, 3, 1)

    def _missing(self, side: int) -> int:
        """What a side lacks of a multiple, so put that an export sees at once that both make one.

        As ``-side % multiple`` that is worked out anew for every layer, which took half its time.
        """
        return (side + self.multiple - 1) // self.multiple * self.multiple - side

    def _correction(self, x: Tensor) -> Tensor:
        """What the networks add to a picture; of those that work so it need not be subtracted."""
        if isinstance(self.translator, nn.Identity) and isinstance(self.deblurrer, Residual):
            return self.deblurrer.residual(x)
        restored: Tensor = self.deblurrer(self.translator(x))
        return restored - x

    @property
    def dtype(self) -> torch.dtype:
        return next((p.dtype for p in self.deblurrer.parameters()), torch.float32)


def keep_still(x: Tensor, correction: Tensor, left_below: float = LEFT_BELOW) -> Tensor:
    """Correct a picture, but leave alone what hardly changes: a still background, sharp pictures.

    Where the mean correction around a block is below a step of 8 bit, it is the network's opinion
    of noise and texture, not of blur, and the pixels stay as the camera gave them. Blocks that are
    left and taken meet without a seam, as corrections there are as small as that.

    Args:
        x, correction: float (N, 3, H, W), the picture in 0...1, H and W multiples of 8.
        left_below: the mean correction, in steps of 8 bit, below which none is made; above twice
            as much all of it is.
    """
    weak = left_below / 255
    batch, channels, height, width = x.shape
    size = F.avg_pool2d(correction.abs(), _BLOCK_PX)[:, 1:2]  # green stands for all
    size = F.avg_pool2d(size, 3, 1, padding=1, count_include_pad=False)
    share = ((size - weak) * (1 / weak)).clamp(0.0, 1.0)
    rows, columns = height // _BLOCK_PX, width // _BLOCK_PX
    # A view in blocks costs a tenth of enlarging the shares to the picture's size.
    blocks = correction.reshape(batch, channels, rows, _BLOCK_PX, columns, _BLOCK_PX)
    kept = share.reshape(batch, 1, rows, 1, columns, 1) * blocks
    return x + kept.reshape(batch, channels, height, width)
