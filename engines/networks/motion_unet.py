"""A U-Net that first works out how things moved, and then deblurs accordingly.

What a plain network lacks is not the strength to undo a blur but the knowledge which blur it is:
told the true kernel it soon restores half as much again. Convolutions read that off a picture
badly, its spectrum shows it: blur multiplies the spectrum, and as those of scenes are smooth, what
is left of one is the kernel's, zeros and all (the cepstrum of Bogert et al., 1963, is the same
idea). So windows of the picture are transformed to Fourier power, a small perceptron and the
network's own features together say how probable each displacement during the exposure was, and
this steers what follows, through gates (ReGLU; Shazeer, 2020), which can multiply.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.plain_unet import PlainUNet, PlainUNetSpec, ResidualBlock, UNet

MOTION_BINS = 27
"""Displacements are told apart on a square grid of this side ..."""
MOTION_BIN_PX = 2.0
"""... and this pitch; the centre is where things are at mid-exposure."""
CELL_PX = 16
"""One estimate is made for each square of this side."""

MOTION_PARTS = ("read_spectra", "local", "mix", "motion", "trust", "steer", "steered")
"""The submodules that a plain U-Net does not have."""

WINDOW_PX = 128
"""Side of the windows whose spectra are read."""
FREQUENCIES = 32
"""Highest frequency that is looked at, in cycles a window; above, noise is stronger."""
_STRIDE_PX = 32
_FLOOR = 1e-5
_UNSEEN = 5.0


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


class WindowSpectra(nn.Module):
    """Logarithm of the Fourier power of a picture's gradient, in linear light, window by window.

    (N, 3, H, W) in 0...1 to (N, 65 * 33, rows, columns), windows of 128 px under Hann's function,
    32 px apart; frequencies of -32...32 by 0...32 cycles a window, their mean taken off. Smaller
    pictures are enlarged to a window by their edges. The transform is two convolutions, which
    every backend has; it is of the Laplacian, which has no mean that would drown the rest in few
    bits.
    """

    size = (2 * FREQUENCIES + 1) * (FREQUENCIES + 1)
    laplacian: Tensor
    across: Tensor
    down: Tensor
    to_gradient: Tensor

    def __init__(self) -> None:
        super().__init__()
        n, k = WINDOW_PX, FREQUENCIES
        place = torch.arange(n, dtype=torch.float64)
        window = torch.hann_window(n, periodic=False, dtype=torch.float64)
        u = torch.arange(0, k + 1, dtype=torch.float64)
        v = torch.arange(-k, k + 1, dtype=torch.float64)
        (cos_u, sin_u), (cos_v, sin_v) = (
            (window * phase.cos(), -window * phase.sin())
            for phase in (2 * torch.pi / n * f[:, None] * place for f in (u, v))
        )
        real, imaginary = torch.stack([cos_v, -sin_v], dim=1), torch.stack([sin_v, cos_v], dim=1)
        power = (2 * (torch.pi * v / n).sin())[:, None] ** 2 + (2 * (torch.pi * u / n).sin()) ** 2
        for name, tensor in (
            ("laplacian", torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]])),
            ("across", torch.stack([cos_u, sin_u], dim=1).reshape(-1, 1, 1, n)),
            ("down", torch.cat([real, imaginary])[:, :, :, None]),
            ("to_gradient", (power > 0) / power.clamp_min(1e-9)),
        ):
            self.register_buffer(name, tensor.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        light = (x.clamp(0, 1) ** 2.2).mean(dim=1, keepdim=True)
        below, right = (
            torch.sym_max(WINDOW_PX - side, 0)  # type: ignore[no-untyped-call]
            for side in light.shape[2:]
        )
        light = F.pad(light, (1, right + 1, 1, below + 1), mode="replicate")
        edges = F.conv2d(light, self.laplacian)
        u, v = FREQUENCIES + 1, 2 * FREQUENCIES + 1
        rows = F.conv2d(edges, self.across, stride=(1, _STRIDE_PX))
        batch, _, height, columns = rows.shape
        parts = F.conv2d(
            rows.reshape(batch * u, 2, height, columns), self.down, stride=(_STRIDE_PX, 1)
        )
        power = (parts**2).reshape(batch, u, 2, v, -1, columns).sum(dim=2).transpose(1, 2)
        power = power * self.to_gradient[:, :, None, None]
        logarithm = torch.log(power + _FLOOR).reshape(batch, self.size, -1, columns)
        return logarithm - logarithm.mean(dim=1, keepdim=True)


class Standardised(nn.Module):
    """Each channel less its mean, over its deviation, as measured once on many pictures.

    What lies further out than anything that was measured, as the spectrum of a flat picture does,
    is cut off.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    @property
    def measured(self) -> bool:
        return bool((self.deviation != 1).any())

    def measure(self, values: Tensor) -> None:
        """Take means and deviations of float (N, channels)."""
        self.mean.copy_(values.mean(dim=0))
        self.deviation.copy_(values.std(dim=0) + 1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y = (x - self.mean[:, None, None]) / self.deviation[:, None, None]
        return y.clamp(-_UNSEEN, _UNSEEN)


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
        self.spectra = WindowSpectra()
        self.read_spectra = nn.Sequential(
            Standardised(self.spectra.size),
            nn.Conv2d(self.spectra.size, 2 * hidden, 1),
            nn.GELU(),
            nn.Conv2d(2 * hidden, 2 * hidden, 1),
            nn.GELU(),
            nn.Conv2d(2 * hidden, motions, 1),
        )
        self.local = nn.Conv2d(channels, hidden, 3, stride=2, padding=1)
        self.around = nn.AvgPool2d(11, 1, padding=5, count_include_pad=False)
        self.mix = nn.Conv2d(2 * hidden, hidden, 1)
        self.motion = nn.Conv2d(hidden, motions, 1)
        self.trust = nn.Conv2d(hidden, 2, 1)
        self.steer = nn.Sequential(
            nn.Conv2d(motions, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )
        self.steered = nn.Sequential(*(GatedBlock(channels) for _ in range(spec.steered_blocks)))
        self._initialise()

    def _initialise(self) -> None:
        """What is added to the plain network changes nothing at first, and trusts spectra."""
        silence(self.trust)
        silence(self.steer[-1])
        for block in self.steered:
            assert isinstance(block, GatedBlock)
            silence(block.body[-1])
        assert self.trust.bias is not None
        nn.init.constant_(self.trust.bias, 0.5)

    @property
    def can_read(self) -> bool:
        """Whether it has learned to read spectra."""
        standardised = self.read_spectra[0]
        assert isinstance(standardised, Standardised)
        return standardised.measured

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
        steering = F.interpolate(self.steer(4.0 * root), scale_factor=2.0, mode="nearest")
        levels = self.decode(self.steered(features + steering), skips)
        correction: Tensor = self.head(levels[0])
        return x + correction, log_motion

    def read(self, x: Tensor) -> Tensor:
        """What the spectra alone say of the motion: logits (N, 27 * 27, rows, columns)."""
        logits: Tensor = self.read_spectra(self.spectra(x))
        return logits

    def _log_motion(self, x: Tensor, features: Tensor) -> Tensor:
        local = F.relu(self.local(features))
        hidden = F.relu(self.mix(torch.cat([local, self.around(local)], dim=1)))
        windows = self.read(x)
        everywhere = windows.mean(dim=(2, 3), keepdim=True)
        near = F.interpolate(windows, size=hidden.shape[-2:], mode="bilinear", align_corners=True)
        trust = self.trust(hidden)
        logits = self.motion(hidden) + trust[:, :1] * near + trust[:, 1:] * everywhere
        return torch.log_softmax(logits, dim=1)
