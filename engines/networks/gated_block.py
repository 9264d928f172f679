"""Residual blocks with a gate, through which a network can multiply."""

from torch import Tensor, nn

from engines.networks.plain_unet import ResidualBlock


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


def gate_blocks(levels: nn.ModuleList) -> None:
    """Put gates on the residual blocks of levels, which change nothing yet."""
    for level in levels:
        assert isinstance(level, nn.Sequential)
        for place, block in enumerate(level):
            assert isinstance(block, ResidualBlock)
            level[place] = GatedBlock(block.channels, block.body)
