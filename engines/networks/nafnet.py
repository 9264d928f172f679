"""NAFNet, a U-Net without nonlinear activations (Chen et al., ECCV 2022), in its published layout.

Its parameters have the names and shapes of the published weights, so that those can be loaded.
Slow on a CPU for its multiply-accumulates: layer normalisation, depth-wise convolutions and gates
move memory instead of multiplying.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class NAFNetSpec:
    """The shape of a :class:`NAFNet`; the default blocks are those of the GoPro models.

    Attributes:
        width: channels of the finest level; each coarser level has twice as many.
        encoder_blocks: blocks of each level on the way down, finest first.
        middle_blocks: blocks of the coarsest level.
        decoder_blocks: blocks of each level on the way up, coarsest first (the published order).
    """

    width: int = 32
    encoder_blocks: tuple[int, ...] = (1, 1, 1, 28)
    middle_blocks: int = 1
    decoder_blocks: tuple[int, ...] = (1, 1, 1, 1)

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width is at least 1, not {self.width}")
        if len(self.encoder_blocks) != len(self.decoder_blocks):
            raise ValueError("encoder_blocks and decoder_blocks are of the same length")

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this many pixels."""
        return 1 << len(self.encoder_blocks)

    def to_json(self) -> dict[str, Any]:
        return {"architecture": "nafnet", **asdict(self)}

    def build(self) -> "NAFNet":
        return NAFNet(self)


class NAFNet(nn.Module):
    """Picture to picture, as a correction added to the input.

    Input and output: float (N, 3, H, W) in 0...1, RGB, H and W multiples of ``spec.multiple``.
    The output is not clamped.
    """

    def __init__(self, spec: NAFNetSpec | None = None) -> None:
        super().__init__()
        self.spec = spec = spec or NAFNetSpec()
        channels = spec.width
        self.intro = nn.Conv2d(3, channels, 3, padding=1)
        self.ending = nn.Conv2d(channels, 3, 3, padding=1)
        self.encoders, self.decoders = nn.ModuleList(), nn.ModuleList()
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for count in spec.encoder_blocks:
            self.encoders.append(_blocks(channels, count))
            self.downs.append(nn.Conv2d(channels, 2 * channels, 2, stride=2))
            channels *= 2
        self.middle_blks = _blocks(channels, spec.middle_blocks)
        for count in spec.decoder_blocks:
            self.ups.append(
                nn.Sequential(nn.Conv2d(channels, 2 * channels, 1, bias=False), nn.PixelShuffle(2))
            )
            channels //= 2
            self.decoders.append(_blocks(channels, count))

    def forward(self, x: Tensor) -> Tensor:
        features = self.intro(x)
        skips: list[Tensor] = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            features = encoder(features)
            skips.append(features)
            features = down(features)
        features = self.middle_blks(features)
        for decoder, up, skip in zip(self.decoders, self.ups, reversed(skips), strict=True):
            features = decoder(up(features) + skip)
        correction: Tensor = self.ending(features)
        return x + correction


class NAFBlock(nn.Module):
    """Depth-wise convolution with gate and channel attention, then a gated point-wise layer.

    ``beta`` and ``gamma`` scale the two branches and begin at zero: untrained it is the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 2 * channels
        self.norm1 = ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, wide, 1)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        self.sca = nn.Sequential(ChannelMeans(), nn.Conv2d(channels, channels, 1))
        self.conv3 = nn.Conv2d(channels, channels, 1)
        self.norm2 = ChannelNorm(channels)
        self.conv4 = nn.Conv2d(channels, wide, 1)
        self.conv5 = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = _gate(self.conv2(self.conv1(self.norm1(x))))
        x = x + self.beta * self.conv3(y * self.sca(y))
        y = _gate(self.conv4(self.norm2(x)))
        out: Tensor = x + self.gamma * self.conv5(y)
        return out


class ChannelMeans(nn.Module):
    """Each channel's mean over the picture, (N, C, 1, 1).

    What AdaptiveAvgPool2d(1) computes; of that, with a free batch, TensorRT cannot take the export.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3), keepdim=True)


class ChannelNorm(nn.Module):
    """Normalise each place's channels to mean 0 and variance 1, then scale and shift."""

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=1, keepdim=True)
        variance = centred.float().square().mean(dim=1, keepdim=True)  # f16 overflows
        normal = centred * torch.rsqrt(variance + self.epsilon).to(x.dtype)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


def _gate(x: Tensor) -> Tensor:
    """SimpleGate: the product of the two halves of the channels."""
    first, second = x.chunk(2, dim=1)
    return first * second


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(NAFBlock(channels) for _ in range(count)))
