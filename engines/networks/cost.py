"""What a network costs to run, counted."""

from copy import deepcopy

import torch
from torch import Tensor, nn


def multiply_accumulates(network: nn.Module, height: int, width: int) -> int:
    """Multiply-accumulates of one (height, width) picture in its convolutions."""
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = module.get_parameter("weight")
        places = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        total += weight.numel() * places.shape[-2] * places.shape[-1]

    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    shapes = deepcopy(network).to("meta")  # there, only shapes are computed
    for module in shapes.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(count)
    shapes(torch.empty(1, 3, height, width, device="meta"))
    return total
