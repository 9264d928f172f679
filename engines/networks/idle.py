"""Networks as engines compute them: without the channels that nothing listens to."""

from torch import nn

from engines.networks.plain_unet import ResidualBlock


def leave_out_idle(network: nn.Module) -> None:
    """Narrow its residual blocks, in place, to what they make a difference with.

    It computes what it did, and cannot be trained on: see :mod:`engines.idle_channels`.
    """
    for parent in list(network.modules()):
        for name, block in list(parent.named_children()):
            if isinstance(block, ResidualBlock):
                setattr(parent, name, block.without_idle())
