"""Networks as engines compute them: without the channels that nothing listens to."""

from torch import Tensor, nn

from engines.idle_channels import heard, inner_channels, taken_in
from engines.networks.plain_unet import ResidualBlock


class Shift(nn.Module):
    """A residual block that only adds a number to each channel."""

    def __init__(self, bias: Tensor) -> None:
        super().__init__()
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias[:, None, None]


def leave_out_idle(network: nn.Module) -> None:
    """Narrow its layers, in place, to what they make a difference with.

    It computes what it did, and cannot be trained on: see :mod:`engines.idle_channels`.
    """
    layers = {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    weights = {
        f"{name}.weight": layer.weight.detach().float().cpu().numpy()
        for name, layer in layers.items()
    }
    for inner in inner_channels(layers):
        loudness = inner.loudness(weights)
        kept, channels = heard(loudness), len(loudness)
        if not len(kept):
            block = network.get_submodule(inner.name)
            if isinstance(block, ResidualBlock):
                bias = block.body.get_parameter("2.bias")
                network.set_submodule(inner.name, Shift(bias.detach()))
        elif len(kept) < channels:
            for layer in map(layers.__getitem__, inner.makers):
                assert layer.bias is not None
                _narrow(layer, layer.weight[kept], layer.bias[kept])
            for layer in map(layers.__getitem__, inner.listeners):
                assert layer.bias is not None
                inputs = taken_in(kept, channels, layer.in_channels)
                _narrow(layer, layer.weight[:, inputs], layer.bias)


def _narrow(layer: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    layer.out_channels, layer.in_channels = weight.shape[:2]
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    layer.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
