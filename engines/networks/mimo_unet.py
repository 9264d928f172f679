"""MIMO-UNet: one U-Net that takes the picture at three scales.

Cho et al., "Rethinking coarse-to-fine approach in single image deblurring", ICCV 2021.
Written from the paper; the parameters have the names and shapes of the published weights, so that
those can be loaded.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class MIMOUNetSpec:
    """The shape of a :class:`MIMOUNet`.

    Attributes:
        width: channels of the finest level; each of the two coarser levels has twice as many.
        blocks: residual blocks of each encoder and decoder: 8, or 20 for MIMO-UNet+.
    """

    width: int = 32
    blocks: int = 8

    def __post_init__(self) -> None:
        if self.width < 4 or self.width % 4:
            raise ValueError(f"width is a multiple of 4, not {self.width}")
        if self.blocks < 1:
            raise ValueError(f"blocks is at least 1, not {self.blocks}")

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this many pixels."""
        return 4

    def to_json(self) -> dict[str, Any]:
        return {"architecture": "mimo-unet", **asdict(self)}

    def build(self) -> "MIMOUNet":
        return MIMOUNet(self)


class MIMOUNet(nn.Module):
    """Picture to picture, as a correction added to the input.

    Input and output: float (N, 3, H, W) in 0...1, RGB, H and W multiples of 4. The output is not
    clamped. :meth:`at_three_scales` gives the coarser outputs too, which the published training
    compares with reduced truths.
    """

    def __init__(self, spec: MIMOUNetSpec | None = None) -> None:
        super().__init__()
        self.spec = spec = spec or MIMOUNetSpec()
        fine, middle, coarse = spec.width, 2 * spec.width, 4 * spec.width
        every = fine + middle + coarse
        self.Encoder = nn.ModuleList(_Stage(c, spec.blocks) for c in (fine, middle, coarse))
        self.Decoder = nn.ModuleList(_Stage(c, spec.blocks) for c in (coarse, middle, fine))
        self.feat_extract = nn.ModuleList(
            [
                _Conv(3, fine, 3),
                _Conv(fine, middle, 3, stride=2),
                _Conv(middle, coarse, 3, stride=2),
                _Deconv(coarse, middle),
                _Deconv(middle, fine),
                _Conv(fine, 3, 3, relu=False),
            ]
        )
        self.Convs = nn.ModuleList([_Conv(coarse, middle, 1), _Conv(middle, fine, 1)])
        self.ConvsOut = nn.ModuleList(
            [_Conv(coarse, 3, 3, relu=False), _Conv(middle, 3, 3, relu=False)]
        )
        self.AFFs = nn.ModuleList([_Fusion(every, fine), _Fusion(every, middle)])
        self.SCM1, self.FAM1 = _ShallowFeatures(coarse), _Attention(coarse)
        self.SCM2, self.FAM2 = _ShallowFeatures(middle), _Attention(middle)

    def forward(self, x: Tensor) -> Tensor:
        return self.at_three_scales(x)[2]

    def at_three_scales(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Restored pictures of a quarter, half and the full size."""
        half = _resized(x, 0.5)
        quarter = _resized(half, 0.5)
        fine = self.Encoder[0](self.feat_extract[0](x))
        middle = self.FAM2(self.feat_extract[1](fine), self.SCM2(half))
        middle = self.Encoder[1](middle)
        coarse = self.FAM1(self.feat_extract[2](middle), self.SCM1(quarter))
        coarse = self.Encoder[2](coarse)

        up = _resized(coarse, 2)
        skip_middle = self.AFFs[1](_resized(fine, 0.5), middle, up)
        skip_fine = self.AFFs[0](fine, _resized(middle, 2), _resized(up, 2))

        y = self.Decoder[0](coarse)
        smallest = self.ConvsOut[0](y) + quarter
        y = self.Convs[0](torch.cat([self.feat_extract[3](y), skip_middle], dim=1))
        y = self.Decoder[1](y)
        smaller = self.ConvsOut[1](y) + half
        y = self.Convs[1](torch.cat([self.feat_extract[4](y), skip_fine], dim=1))
        y = self.Decoder[2](y)
        return smallest, smaller, self.feat_extract[5](y) + x


class _Conv(nn.Module):
    """Convolution and ReLU."""

    def __init__(
        self, channels: int, out: int, kernel: int, *, stride: int = 1, relu: bool = True
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, out, kernel, stride, kernel // 2)]
        if relu:
            layers.append(nn.ReLU(inplace=True))
        self.main = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x)
        return y


class _Deconv(nn.Module):
    """Transposed convolution to twice the size, and ReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x)
        return y


class _Stage(nn.Module):
    """A row of residual blocks."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_ResidualBlock(channels) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            _Conv(channels, channels, 3), _Conv(channels, channels, 3, relu=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        correction: Tensor = self.main(x)
        return x + correction


class _Fusion(nn.Module):
    """Asymmetric feature fusion: features of all scales, brought to one size, become a skip."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(_Conv(channels, out, 1), _Conv(out, out, 3, relu=False))

    def forward(self, *scales: Tensor) -> Tensor:
        y: Tensor = self.conv(torch.cat(scales, dim=1))
        return y


class _ShallowFeatures(nn.Module):
    """Shallow convolutional module: a reduced picture becomes features."""

    def __init__(self, out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            _Conv(3, out // 4, 3),
            _Conv(out // 4, out // 2, 1),
            _Conv(out // 2, out // 2, 3),
            _Conv(out // 2, out - 3, 1),
        )
        self.conv = _Conv(out, out, 1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(torch.cat([x, self.main(x)], dim=1))
        return y


class _Attention(nn.Module):
    """Feature attention module: what both scales see is emphasised."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.merge = _Conv(channels, channels, 3, relu=False)

    def forward(self, features: Tensor, of_picture: Tensor) -> Tensor:
        emphasised: Tensor = self.merge(features * of_picture)
        return features + emphasised


def _resized(x: Tensor, factor: float) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="nearest")
