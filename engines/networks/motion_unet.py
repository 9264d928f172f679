"""A U-Net that first works out how things moved, and then deblurs accordingly.

What a plain network lacks is not the strength to undo a blur but the knowledge which blur it is:
told the true kernel it soon restores half as much again. Convolutions read that off a picture
badly, spectra show it. So a reader of spectra (:mod:`engines.networks.motion_reader`) and the
network's own features together say how probable each displacement during the exposure was, and
this steers every level on the way up, through gates (ReGLU; Shazeer, 2020), which can multiply.

It may look twice: what the first look restored is nearly the scene, and comparing the picture with
that shows the motion better. The second look goes up again from what the first one encoded.
"""

import itertools
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.deconvolution import Deconvolution
from engines.networks.gated_block import GatedBlock, gate_blocks, silence
from engines.networks.motion_reader import ComparingReader, MotionReader, Statistics
from engines.networks.plain_unet import PlainUNet, PlainUNetSpec, UNet
from engines.networks.spectra import STRIDE_PX, linear_light

MOTION_BINS = 27
"""Displacements are told apart on a square grid of this side ..."""
MOTION_BIN_PX = 2.0
"""... and this pitch; the centre is where things are at mid-exposure."""
CELL_PX = 16
"""One estimate is made for each square of this side."""
_IMPROBABLE = 1e-8
_FILTERED_BY_TWO_LOOKS = 12

MOTION_PARTS = (
    *("reader", "local", "mix", "motion", "trust", "grasp", "steer", "steered"),
    *("filtered", "undo", "undone", "hear", "second"),
)
"""The submodules that a plain U-Net does not have."""


@dataclass(frozen=True, kw_only=True)
class MotionUNetSpec:
    """The shape of a :class:`MotionUNet`: a plain U-Net of stem 2, and what is added.

    Attributes:
        width, encoder_blocks, decoder_blocks: as of :class:`PlainUNetSpec`, three levels.
        steered_blocks: blocks of the coarsest level after the motion is known.
        hidden: width of the layers that read spectra and motion.
        looks: 1, or 2 to read and restore again with the first restoration at hand.
        filtered: channels that its only or second look filters by the motion's inverse: 0; 1 for
            grey light; 3 for light; more for what a convolution makes of features, too. By default
            12 where it looks twice, else none.
        window_stride: from one window whose spectrum is read to the next, 32 or 64 px.
    """

    width: int = 32
    encoder_blocks: tuple[int, ...] = (2, 2, 4)
    decoder_blocks: tuple[int, ...] = (2, 2)
    steered_blocks: int = 2
    hidden: int = 256
    looks: int = 1
    filtered: int | None = None
    window_stride: int = STRIDE_PX

    def __post_init__(self) -> None:
        if len(self.encoder_blocks) != 3:
            raise ValueError("encoder_blocks has three numbers")
        if self.steered_blocks < 0 or self.hidden < 1:
            raise ValueError("steered_blocks is at least 0, hidden at least 1")
        if self.looks not in (1, 2):
            raise ValueError("looks is 1 or 2")
        if self.channels_filtered < 0 or self.channels_filtered == 2:
            raise ValueError("filtered is 0, 1, 3 or more")
        if self.window_stride not in (STRIDE_PX, 2 * STRIDE_PX):
            raise ValueError("window_stride is 32 or 64")
        _ = self.trunk

    @property
    def trunk(self) -> PlainUNetSpec:
        return PlainUNetSpec(
            width=self.width,
            encoder_blocks=self.encoder_blocks,
            decoder_blocks=self.decoder_blocks,
        )

    @property
    def channels_filtered(self) -> int:
        if self.filtered is not None:
            return self.filtered
        return _FILTERED_BY_TWO_LOOKS if self.looks == 2 else 0

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this many pixels."""
        return CELL_PX

    def to_json(self) -> dict[str, Any]:
        return {"architecture": "motion-unet", **asdict(self)}

    def build(self) -> "MotionUNet":
        return MotionUNet(self)


class Look(UNet):
    """How things moved, and the way up of a U-Net steered by that.

    Where it filters, it has beside what was encoded of the picture features that are filtered by
    the motion's inverse (:mod:`engines.networks.deconvolution`).
    """

    def make_parts(self, spec: MotionUNetSpec, filtered: int) -> PlainUNet:
        """Returns the plain network that its way up was taken from."""
        trunk = PlainUNet(spec.trunk)
        self.ups, self.decoders, self.head = trunk.ups, trunk.decoders, trunk.head
        gate_blocks(self.decoders)
        self.window_stride = spec.window_stride
        hidden, motions = spec.hidden, MOTION_BINS**2
        self.motion = nn.Conv2d(hidden, motions, 1)
        self.trust = nn.Conv2d(hidden, 2, 1)
        self.grasp = nn.Sequential(nn.Conv2d(motions, hidden, 1), nn.ReLU())
        channels = [spec.width * 2**i for i in range(3)]
        self.steer = nn.ModuleList(nn.Conv2d(hidden, c, 1) for c in channels)
        blocks = [GatedBlock(channels[-1]) for _ in range(spec.steered_blocks)]
        self.steered = nn.Sequential(*blocks)
        for layer in (self.trust, *self.steer, *(block.body[-1] for block in blocks)):
            silence(layer)  # what is added to a plain network changes nothing at first ...
        assert self.trust.bias is not None
        nn.init.constant_(self.trust.bias, 0.5)  # ... and trusts spectra
        self.undo = Deconvolution(MOTION_BINS, hidden) if filtered else None
        self.greyly = filtered == 1
        self.filtered = nn.Conv2d(spec.width, filtered - 3, 3, padding=1) if filtered > 3 else None
        if filtered:
            self.undone = nn.ModuleList(
                nn.Sequential(nn.Conv2d(a, b, 3, stride=1 + (i > 0), padding=1), nn.ReLU())
                for i, (a, b) in enumerate(itertools.pairwise([filtered, *channels]))
            )
            self.hear = nn.ModuleList(nn.Conv2d(c, c, 1) for c in channels)
            for layer in self.hear:
                silence(layer)
        return trunk

    def log_motion(self, mixed: Tensor, near: Tensor, everywhere: Tensor) -> Tensor:
        """Logarithms of the displacements' probabilities in each cell, by all that is known.

        Args:
            mixed: the network's own features, float (N, hidden, H / 16, W / 16).
            near, everywhere: logits of windows and of the picture, as readers give them.
        """
        rows, columns = mixed.shape[-2:]
        if self.window_stride > STRIDE_PX:  # every place is the middle of four by four cells
            near = F.pad(near, (1, 2, 1, 2), mode="replicate")
            near = F.interpolate(near, scale_factor=self.window_stride / CELL_PX, mode="bilinear")
            near = near[:, :, :rows, :columns]
        else:
            near = F.interpolate(near, size=(rows, columns), mode="bilinear", align_corners=True)
        trust = self.trust(mixed)
        logits = self.motion(mixed) + trust[:, :1] * near + trust[:, 1:] * everywhere
        return torch.log_softmax(logits, dim=1)

    def correction(self, seen: "Seen", motion: Tensor) -> Tensor:
        """What is to be added to a picture of which this was seen, by displacements' probabilities.

        Returns:
            float (N, 3, H, W).
        """
        spread = 4.0 * motion.clamp_min(_IMPROBABLE).sqrt()  # as most are improbable
        grasped = self.grasp(spread)
        levels = seen.levels
        if self.undo is not None:
            undone = self.undo(self._to_filter(seen), motion, grasped)
            levels = self._hearing(levels, undone)
        *skips, features = (
            level + F.interpolate(steer(grasped), size=level.shape[-2:], mode="bilinear")
            for level, steer in zip(levels, self.steer, strict=True)
        )
        correction: Tensor = self.head(self.decode(self.steered(features), skips))
        return correction

    def _to_filter(self, seen: "Seen") -> Tensor:
        if self.greyly:  # a convolution is quicker than two means, of places and of colours
            mean = seen.light.new_full((1, 3, 2, 2), 1 / 12)
            return F.conv2d(seen.light, mean, stride=2)
        light = F.avg_pool2d(seen.light, 2)
        if self.filtered is not None:
            return torch.cat([light, self.filtered(seen.levels[0])], dim=1)
        return light

    def _hearing(self, levels: list[Tensor], undone: Tensor) -> list[Tensor]:
        """The levels, with what they hear of features that were filtered."""
        heard = []
        for level, layer, hear in zip(levels, self.undone, self.hear, strict=True):
            undone = layer(undone)
            heard.append(level + hear(undone))
        return heard


class SecondLook(Look):
    """Knows a first restoration: reads the motion again, and goes up again."""

    def __init__(self, spec: MotionUNetSpec) -> None:
        super().__init__()
        self.make_parts(spec, spec.channels_filtered)
        self.reader = ComparingReader(MOTION_BINS**2, 2 * spec.hidden, spec.window_stride)

    def compared(self, seen: "Seen", light: Tensor) -> tuple[Tensor, Tensor]:
        """What a picture and its first restoration give to read, around places and over all."""
        return self.reader.statistics(seen.statistics.gradients, light)


class Restoration(NamedTuple):
    """What is made of a picture.

    Attributes:
        correction: what is to be added to it, float (N, 3, H, W).
        log_motion: logarithms of the displacements' probabilities in each cell, float
            (N, 27 * 27, H / 16, W / 16).
    """

    correction: Tensor
    log_motion: Tensor


class MotionUNet(Look):
    """Picture to picture, as a correction added to the input; untrained it is the identity.

    Input and output: float (N, 3, H, W) in 0...1, RGB, H and W multiples of 16. The output is not
    clamped.
    """

    def __init__(self, spec: MotionUNetSpec | None = None) -> None:
        super().__init__()
        self.spec = spec = spec or MotionUNetSpec()
        trunk = self.make_parts(spec, spec.channels_filtered if spec.looks == 1 else 0)
        self.stem, self.encoders, self.downs = trunk.stem, trunk.encoders, trunk.downs
        gate_blocks(self.encoders[1:])
        hidden = spec.hidden
        self.reader = MotionReader(MOTION_BINS**2, 2 * hidden, spec.window_stride)
        self.local = nn.Conv2d(4 * spec.width, hidden, 3, stride=2, padding=1)
        self.around = nn.AvgPool2d(11, 1, padding=5, count_include_pad=False)
        self.mix = nn.Conv2d(2 * hidden, hidden, 1)
        self.second: SecondLook | None = None
        if spec.looks == 2:
            self.requires_grad_(False)  # the second look learns from what the first makes
            self.second = SecondLook(spec)

    @property
    def can_read(self) -> bool:
        """Whether it has learned to read spectra, at every look."""
        looks = (self, self.second) if self.second else (self,)
        return all(look.reader.standardised.measured for look in looks)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.residual(x)

    def residual(self, x: Tensor) -> Tensor:
        """What :meth:`forward` adds to a picture."""
        return self.restore(x).correction

    def restore(
        self, x: Tensor, told: Tensor | None = None, use: Tensor | None = None
    ) -> Restoration:
        """What is to be corrected, and how things moved.

        Args:
            x: float (N, 3, H, W).
            told: in training, the true probabilities, float (N, 27 * 27, H / 16, W / 16).
            use: which pictures of the batch the last look is steered with by them, bool (N,).
        """
        seen = self.see(x)
        if self.second is None:
            motion = _steering(seen.log_motion, told, use)
            return Restoration(self.correction(seen, motion), seen.log_motion)
        light = self.first_light(x, seen)
        logits = map(self.second.reader.logits, self.second.compared(seen, light), seen.read)
        log_motion = self.second.log_motion(seen.mixed, *logits)
        motion = _steering(log_motion, told, use)
        return Restoration(self.second.correction(seen, motion), log_motion)

    def first_light(self, x: Tensor, seen: "Seen") -> Tensor:
        """Light as the first look restores it, float (N, 3, H, W)."""
        return linear_light(x + self.correction(seen, torch.exp(seen.log_motion)))

    def see(self, x: Tensor) -> "Seen":
        """What is seen in a picture, float (N, 3, H, W), before anything is restored."""
        features, skips = self.encode(x)
        local = F.relu(self.local(features))
        mixed = F.relu(self.mix(torch.cat([local, self.around(local)], dim=1)))
        light = linear_light(x)
        statistics = self.reader.statistics(light)
        read = self.reader.hidden(statistics.near), self.reader.hidden(statistics.everywhere)
        log_motion = self.log_motion(mixed, *map(self.reader.motion, read))
        return Seen([*skips, features], mixed, light, statistics, read, log_motion)


class Seen(NamedTuple):
    """What a network sees in a picture.

    Attributes:
        levels: features, finest first.
        mixed: what the coarsest say of motion, nearby and around, float (N, hidden, H/16, W/16).
        light: the picture's, float (N, 3, H, W).
        statistics: what there is to read.
        read: what was made of it, around each place and over the whole picture.
        log_motion: what a first look takes for the motion, as :class:`Restoration` has it.
    """

    levels: list[Tensor]
    mixed: Tensor
    light: Tensor
    statistics: Statistics
    read: tuple[Tensor, Tensor]
    log_motion: Tensor


def _steering(log_motion: Tensor, told: Tensor | None, use: Tensor | None) -> Tensor:
    """Probabilities: what a network is told, where it is, else its own."""
    motion = torch.exp(log_motion)
    if told is None or use is None:
        return motion
    return torch.where(use[:, None, None, None], told, motion)
