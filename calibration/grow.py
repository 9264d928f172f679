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
    _check(own, smaller)
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


def _check(own: Mapping[str, Tensor], smaller: Mapping[str, Tensor]) -> None:
    if missing := own.keys() - smaller.keys() - _additional_blocks(own):
        raise ValueError(f"{min(missing)} is missing")
    for name, tensor in smaller.items():
        if name not in own:
            raise ValueError(f"{name} has no place in this network")
        place = own[name].shape
        fits = tensor.ndim == len(place) and all(
            have >= needed for have, needed in zip(place, tensor.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name} of shape {tuple(tensor.shape)} does not fit {tuple(place)}")
    for name, axis in (("stem.1.weight", 1), ("head.0.weight", 0)):
        if smaller[name].shape[axis] != own[name].shape[axis]:
            raise ValueError(f"{name}: the two networks have different stems")


def _additional_blocks(own: Mapping[str, Tensor]) -> set[str]:
    return {name for name in own if ".body." in name}
