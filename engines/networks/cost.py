"""What a network costs to run, counted."""

from copy import deepcopy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def multiply_accumulates(network: nn.Module, height: int, width: int) -> int:
    """Multiply-accumulates of one (height, width) picture in its convolutions."""
    shapes = deepcopy(network).to("meta")  # there, only shapes are computed
    with FlopCounterMode(display=False) as counter:
        shapes(torch.empty(1, 3, height, width, device="meta"))
    return int(counter.get_total_flops()) // 2
