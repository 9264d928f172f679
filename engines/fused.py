"""Translator, deblurrer and everything around them as one graph: uint8 in, uint8 out."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FusedDeblur(nn.Module):
    """``sharp = deblur(G(x))`` from camera pixels to display pixels.

    Input and output: uint8 (N, H, W, 3) RGB of any H and W. Scaling to 0...1, padding by edge
    replication up to ``multiple``, the translator G, the deblurrer, cropping, clipping and
    rounding are inside, so that a backend compiles all of them and the host copies bytes only.

    Source of the composition: Blur2Blur, Pham et al., CVPR 2024, section 3.
    """

    def __init__(self, translator: nn.Module, deblurrer: nn.Module, multiple: int) -> None:
        super().__init__()
        self.translator = translator
        self.deblurrer = deblurrer
        self.multiple = multiple

    def forward(self, frames: Tensor) -> Tensor:
        height, width = frames.shape[1], frames.shape[2]
        x = frames.permute(0, 3, 1, 2).to(self.dtype) * (1.0 / 255.0)
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        x = F.pad(x, padding, mode="replicate")
        y: Tensor = self.deblurrer(self.translator(x))
        y = y[:, :, :height, :width]
        y = torch.round(torch.clamp(y.float() * 255.0, 0.0, 255.0))
        return y.to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    @property
    def dtype(self) -> torch.dtype:
        return next((p.dtype for p in self.deblurrer.parameters()), torch.float32)
