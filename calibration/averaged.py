"""Weights averaged over a training run."""

from copy import deepcopy

import torch
from torch import Tensor, nn


class Averaged:
    """An exponential moving average of a network's weights."""

    def __init__(self, network: nn.Module, steps: int) -> None:
        self.network = deepcopy(network).requires_grad_(False)
        self._steps = steps

    @torch.no_grad()
    def update(self, network: nn.Module, steps_done: float) -> None:
        """Move towards the network; faster at first, when it changes most."""
        keep = min(1 - 1 / self._steps, steps_done / (steps_done + 10))
        means: list[Tensor] = list(self.network.parameters())
        values = [value.detach() for value in network.parameters()]
        torch._foreach_lerp_(means, values, 1 - keep)
