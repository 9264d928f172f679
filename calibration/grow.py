"""Begin a larger plain U-Net with what a smaller one has learned.

A function-preserving growth (Net2Net, Chen et al., ICLR 2016): the larger network computes the
smaller one's answer at first, so training goes on instead of starting again.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from engines.networks import PlainUNet


@torch.no_grad()
def grow(network: PlainUNet, smaller: Mapping[str, Tensor]) -> None:
    """Put the weights of a smaller plain U-Net into a fresh larger one.

    New channels keep their fresh weights, and nothing that was there listens to them; additional
    blocks of a level come last, and add nothing yet. The old channels come first everywhere.

    Args:
        network: the larger one, changed in place.
        smaller: tensors by name, of a network with the same stem and number of levels.

    Raises:
        ValueError: it is not one that this network can hold.
    """
    own = network.state_dict()
    for name, tensor in smaller.items():
        if name not in own or any(
            have < needed for have, needed in zip(own[name].shape, tensor.shape, strict=True)
        ):
            raise ValueError(f"{name} of the smaller network has no place in this one")
        _check_ends(name, own[name], tensor, network)
    for name, target in own.items():
        old = smaller.get(name)
        if old is None:
            if ".body.2." in name:
                target.zero_()
        elif target.ndim == 1:
            target[: len(old)] = old
        else:
            outputs, inputs = old.shape[:2]
            target[:outputs] = 0.0
            target[:outputs, :inputs] = old


def _check_ends(name: str, own: Tensor, tensor: Tensor, network: PlainUNet) -> None:
    pixels = 3 * network.spec.stem**2
    if name == "stem.1.weight" and tensor.shape[1] != pixels:
        raise ValueError(f"the stem takes {tensor.shape[1]} values, not {pixels}")
    if name == "head.0.weight" and tensor.shape[0] != pixels:
        raise ValueError(f"the head gives {tensor.shape[0]} values, not {pixels}")
