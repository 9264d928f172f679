"""A U-Net of dense 3x3 convolutions and ReLU, in the shape that CPUs and TensorRT run fastest.

Depth-wise convolutions, normalisation and gates rank well in multiply-accumulates and badly in
milliseconds; dense 3x3 convolutions reach 80 % of what a bare matrix product does. So the plain
U-Net (Ronneberger et al., MICCAI 2015) with residual blocks without normalisation (EDSR, Lim et
al., CVPRW 2017) on a PixelUnshuffle stem (Shi et al., CVPR 2016).
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class PlainUNetSpec:
    """The shape of a :class:`PlainUNet`.

    Attributes:
        stem: side of the PixelUnshuffle block in front, in pixels (1, 2 or 4).
        width: channels of the finest level; each coarser level has twice as many.
        encoder_blocks: residual blocks of each level on the way down, finest first, the last
            number being those of the coarsest level.
        decoder_blocks: residual blocks of each level on the way up, finest first.
    """

    stem: int = 2
    width: int = 32
    encoder_blocks: tuple[int, ...] = (2, 2, 4)
    decoder_blocks: tuple[int, ...] = (2, 2)

    def __post_init__(self) -> None:
        if self.stem not in (1, 2, 4):
            raise ValueError(f"stem is 1, 2 or 4, not {self.stem}")
        if self.width < 1:
            raise ValueError(f"width is at least 1, not {self.width}")
        if len(self.encoder_blocks) != len(self.decoder_blocks) + 1:
            raise ValueError("encoder_blocks has one number more than decoder_blocks")

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this many pixels."""
        return self.stem << len(self.decoder_blocks)

    def to_json(self) -> dict[str, Any]:
        return {"architecture": "plain-unet", **asdict(self)}

    def build(self) -> "PlainUNet":
        return PlainUNet(self)


class ResidualBlock(nn.Module):
    """conv 3x3, ReLU, conv 3x3, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        correction: Tensor = self.body(x)
        return x + correction


class Enlarge(nn.Sequential):
    """A convolution to squares of pixels, and these side by side (Shi et al., CVPR 2016).

    As torch's PixelShuffle, whose order of channels its weights have. Done so that the channels of
    a pixel stay together takes half the time.

    Args:
        convolution: to ``side**2`` times as many channels as there are then.
        side: of the square.
    """

    def __init__(self, convolution: nn.Conv2d, side: int) -> None:
        super().__init__(convolution)
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        convolution, side = self[0], self.side
        assert isinstance(convolution, nn.Conv2d)
        assert convolution.bias is not None
        weight, bias = (
            part.view(-1, side**2, *part.shape[1:]).transpose(0, 1).flatten(0, 1)
            for part in (convolution.weight, convolution.bias)
        )
        x = F.conv2d(x, weight, bias, padding=convolution.padding)
        batch, _, height, width = x.shape
        squares = x.reshape(batch, side, side, -1, height, width).permute(0, 3, 4, 1, 5, 2)
        return squares.reshape(batch, -1, side * height, side * width)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


class UNet(nn.Module):
    """The way down and up again that U-Nets have in common; a subclass makes the parts."""

    stem: nn.Module
    encoders: nn.ModuleList
    downs: nn.ModuleList
    ups: nn.ModuleList
    decoders: nn.ModuleList
    head: nn.Module

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The coarsest level's features, and the finer ones' for the way up, finest first."""
        features = self.stem(x)
        skips: list[Tensor] = []
        for encoder, down in zip(self.encoders[:-1], self.downs, strict=True):
            features = encoder(features)
            skips.append(features)
            features = down(features)
        return self.encoders[-1](features), skips

    def decode(self, features: Tensor, skips: list[Tensor]) -> Tensor:
        """What the finest level ends with."""
        for i in reversed(range(len(self.ups))):
            features = self.decoders[i](self.ups[i](features) + skips[i])
        return features


class PlainUNet(UNet):
    """Picture to picture, as a correction added to the input; untrained it is the identity.

    Input and output: float (N, 3, H, W) in 0...1, RGB, H and W multiples of ``spec.multiple``.
    The output is not clamped.
    """

    def __init__(self, spec: PlainUNetSpec | None = None) -> None:
        super().__init__()
        self.spec = spec = spec or PlainUNetSpec()
        levels = [spec.width * 2**i for i in range(len(spec.encoder_blocks))]
        pixels = 3 * spec.stem**2
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(spec.stem), nn.Conv2d(pixels, spec.width, 3, padding=1)
        )
        self.encoders = nn.ModuleList(
            _blocks(channels, count)
            for channels, count in zip(levels, spec.encoder_blocks, strict=True)
        )
        self.downs = nn.ModuleList(
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1) for channels in levels[:-1]
        )
        self.ups = nn.ModuleList(
            Enlarge(nn.Conv2d(2 * channels, 4 * channels, 1), 2) for channels in levels[:-1]
        )
        self.decoders = nn.ModuleList(
            _blocks(channels, count)
            for channels, count in zip(levels[:-1], spec.decoder_blocks, strict=True)
        )
        self.head = Enlarge(nn.Conv2d(spec.width, pixels, 3, padding=1), spec.stem)
        self._initialise()

    def _initialise(self) -> None:
        """He's (ICCV 2015), with branches scaled so that their sum keeps its size; the head is 0.

        Torch's own shrinks every branch, and a network without normalisation then learns slowly.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        blocks = [module for module in self.modules() if isinstance(module, ResidualBlock)]
        scaled = [
            *((block.body.get_parameter("2.weight"), len(blocks) ** -0.5) for block in blocks),
            *((down.get_parameter("weight"), 0.5**0.5) for down in self.downs),
            *((up.get_parameter("0.weight"), 0.5) for up in self.ups),
            (self.head.get_parameter("0.weight"), 0.0),
        ]
        with torch.no_grad():
            for weight, factor in scaled:
                weight.mul_(factor)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.residual(x)

    def residual(self, x: Tensor) -> Tensor:
        """What :meth:`forward` adds to a picture."""
        residual: Tensor = self.head(self.decode(*self.encode(x)))
        return residual
