"""A U-Net that first works out how things moved, and then deblurs accordingly.

What a plain network lacks is not the strength to undo a blur but the knowledge which blur it is:
told the true kernel it soon restores half as much again. Convolutions read that off a picture
badly, spectra show it. So a reader of spectra (:mod:`engines.networks.motion_reader`) and the
network's own features together say how probable each displacement during the exposure was, and
this steers every level on the way up, through gates (ReGLU; Shazeer, 2020), which can multiply.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.motion_reader import MotionReader
from engines.networks.plain_unet import PlainUNet, PlainUNetSpec, ResidualBlock, UNet

MOTION_BINS = 27
"""Displacements are told apart on a square grid of this side ..."""
MOTION_BIN_PX = 2.0
"""... and this pitch; the centre is where things are at mid-exposure."""
CELL_PX = 16
"""One estimate is made for each square of this side."""

MOTION_PARTS = ("reader", "local", "mix", "motion", "trust", "grasp", "steer", "steered")
"""The submodules that a plain U-Net does not have."""


@dataclass(frozen=True, kw_only=True)
class MotionUNetSpec:
    """The shape of a :class:`MotionUNet`: a plain U-Net of stem 2, and what is added.

    Attributes:
        width, encoder_blocks, decoder_blocks: as of :class:`PlainUNetSpec`, three levels.
        steered_blocks: blocks of the coarsest level after the motion is known.
        hidden: width of the layers that read spectra and motion.
    """

    width: int = 32
    encoder_blocks: tuple[int, ...] = (2, 2, 4)
    decoder_blocks: tuple[int, ...] = (2, 2)
    steered_blocks: int = 2
    hidden: int = 256

    def __post_init__(self) -> None:
        if len(self.encoder_blocks) != 3:
            raise ValueError("encoder_blocks has three numbers")
        if self.steered_blocks < 0 or self.hidden < 1:
            raise ValueError("steered_blocks is at least 0, hidden at least 1")
        _ = self.trunk

    @property
    def trunk(self) -> PlainUNetSpec:
        return PlainUNetSpec(
            width=self.width,
            encoder_blocks=self.encoder_blocks,
            decoder_blocks=self.decoder_blocks,
        )

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this many pixels."""
        return CELL_PX

    def to_json(self) -> dict[str, Any]:
        return {"architecture": "motion-unet", **asdict(self)}

    def build(self) -> "MotionUNet":
        return MotionUNet(self)


class GatedBlock(ResidualBlock):
    """A residual block whose activations are multiplied by a gate, linear between 0 and 2.

    It begins at 1. Without bounds a dozen gates in a row multiply up: a training run ended when one
    picture came out at 1e26.
    """

    def __init__(self, channels: int, body: nn.Sequential | None = None) -> None:
        super().__init__(channels)
        if body is not None:
            self.body = body
        self.gate = nn.Conv2d(channels, channels, 1)
        silence(self.gate)

    def forward(self, x: Tensor) -> Tensor:
        active = self.body[1](self.body[0](x))
        gate = self.gate(x).clamp(-1.0, 1.0)
        correction: Tensor = self.body[2](active + active * gate)
        return x + correction


def silence(layer: nn.Module) -> None:
    """Let a convolution begin with zeros."""
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


class MotionUNet(UNet):
    """Picture to picture, as a correction added to the input; untrained it is the identity.

    Input and output: float (N, 3, H, W) in 0...1, RGB, H and W multiples of 16. The output is not
    clamped.
    """

    def __init__(self, spec: MotionUNetSpec | None = None) -> None:
        super().__init__()
        self.spec = spec = spec or MotionUNetSpec()
        trunk = PlainUNet(spec.trunk)
        self.stem, self.encoders, self.downs = trunk.stem, trunk.encoders, trunk.downs
        self.ups, self.decoders, self.head = trunk.ups, trunk.decoders, trunk.head
        for level in (*self.encoders[1:], *self.decoders):
            assert isinstance(level, nn.Sequential)
            for place, block in enumerate(level):
                assert isinstance(block, ResidualBlock)
                level[place] = GatedBlock(block.channels, block.body)
        channels, motions = 4 * spec.width, MOTION_BINS**2
        hidden = spec.hidden
        self.reader = MotionReader(motions, 2 * hidden)
        self.local = nn.Conv2d(channels, hidden, 3, stride=2, padding=1)
        self.around = nn.AvgPool2d(11, 1, padding=5, count_include_pad=False)
        self.mix = nn.Conv2d(2 * hidden, hidden, 1)
        self.motion = nn.Conv2d(hidden, motions, 1)
        self.trust = nn.Conv2d(hidden, 2, 1)
        self.grasp = nn.Sequential(nn.Conv2d(motions, hidden, 1), nn.ReLU())
        self.steer = nn.ModuleList(nn.Conv2d(hidden, spec.width * 2**i, 1) for i in range(3))
        self.steered = nn.Sequential(*(GatedBlock(channels) for _ in range(spec.steered_blocks)))
        self._initialise()

    def _initialise(self) -> None:
        """What is added to the plain network changes nothing at first, and trusts spectra."""
        for layer in (self.trust, *self.steer):
            silence(layer)
        for block in self.steered:
            assert isinstance(block, GatedBlock)
            silence(block.body[-1])
        assert self.trust.bias is not None
        nn.init.constant_(self.trust.bias, 0.5)

    @property
    def can_read(self) -> bool:
        """Whether it has learned to read spectra."""
        return self.reader.standardised.measured

    def forward(self, x: Tensor) -> Tensor:
        return self.restore(x)[0]

    def restore(
        self, x: Tensor, told: Tensor | None = None, use: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The restored picture, and how probable each displacement is in each cell.

        Args:
            x: float (N, 3, H, W).
            told: in training, the true probabilities, float (N, 27 * 27, H / 16, W / 16).
            use: which pictures of the batch are steered by them, bool (N,).

        Returns:
            float (N, 3, H, W), and logarithms of the shape of ``told``.
        """
        features, skips = self.encode(x)
        log_motion = self._log_motion(x, features)
        root = torch.exp(0.5 * log_motion)  # spread out, as most displacements are improbable
        if told is not None and use is not None:
            root = torch.where(use[:, None, None, None], told.sqrt(), root)
        grasped = self.grasp(4.0 * root)
        *skips, features = (
            level + F.interpolate(steer(grasped), size=level.shape[-2:], mode="bilinear")
            for level, steer in zip((*skips, features), self.steer, strict=True)
        )
        levels = self.decode(self.steered(features), skips)
        correction: Tensor = self.head(levels[0])
        return x + correction, log_motion

    def _log_motion(self, x: Tensor, features: Tensor) -> Tensor:
        local = F.relu(self.local(features))
        hidden = F.relu(self.mix(torch.cat([local, self.around(local)], dim=1)))
        windows, everywhere = self.reader(x)
        near = F.interpolate(windows, size=hidden.shape[-2:], mode="bilinear", align_corners=True)
        trust = self.trust(hidden)
        logits = self.motion(hidden) + trust[:, :1] * near + trust[:, 1:] * everywhere
        return torch.log_softmax(logits, dim=1)
