"""Begin a U-Net with what one of another size has learned, or one that did not look for motion.

A larger network computes the other's answer at first (Net2Net, Chen et al., ICLR 2016); one with
fewer blocks begins near it, as residual blocks change little each. Either goes on instead of
starting again. A narrower one that looks for motion starts again, but for what it need not learn
anew: to read spectra, and to undo a motion that it has read.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from engines.networks import MotionUNet, PlainUNet
from engines.networks.motion_unet import MOTION_PARTS

_SECOND = "second."
_OF_NO_WIDTH = ("reader", "grasp", "undo")
"""The parts of a network that looks for motion whose shape its trunk's width does not change."""


@torch.no_grad()
def inherit(network: PlainUNet | MotionUNet, weights: Mapping[str, Tensor]) -> None:
    """Put the weights of a U-Net of the same or another size into a fresh one.

    New channels keep their fresh weights, and nothing that was there listens to them; additional
    blocks of a level come last, and add nothing yet. The old channels come first everywhere.
    Blocks for which there is no place are left out.

    Args:
        network: changed in place; at least as wide as the other, or one that looks for motion.
        weights: tensors by name, of a network with the same stem and number of levels.

    Raises:
        ValueError: it is not one that this network can hold.
    """
    if isinstance(network, PlainUNet) and any(_part(name) in MOTION_PARTS for name in weights):
        raise ValueError("they look for motion, which this network does not")
    own = network.state_dict()
    looks_twice = any(name.startswith(_SECOND) for name in weights)
    if not looks_twice:
        weights = {**weights, **_second_look(own, weights)}
    elif isinstance(network, MotionUNet) and network.undo is not None:
        weights = {**weights, **_way_up_of_the_second(own, weights)}
    if isinstance(network, MotionUNet) and _width(own) < _width(weights):
        _inherit_reading(own, weights)
        return
    weights = {name: _cut(name, tensor, own) for name, tensor in weights.items()}
    weights = {name: t for name, t in weights.items() if name in own or not _may_be_missing(name)}
    _check(own, weights)
    for name, target in own.items():
        old = weights.get(name)
        if old is None:
            if name.endswith(".body.2.weight"):
                target.zero_()
        elif target.ndim == 1:
            target[: len(old)] = old
        else:
            outputs, inputs = old.shape[:2]
            target[:outputs] = 0.0
            target[:outputs, :inputs] = old


def _inherit_reading(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    for name, target in own.items():
        if _part(name) not in _OF_NO_WIDTH:
            continue
        if name not in weights:
            raise ValueError(f"{name} is missing, and its trunk is wider than this network's")
        if weights[name].shape != target.shape:
            shapes = tuple(weights[name].shape), tuple(target.shape)
            raise ValueError(f"{name} of shape {shapes[0]} does not fit {shapes[1]}")
        target.copy_(weights[name])


def _width(weights: Mapping[str, Tensor]) -> int:
    return len(weights["stem.1.bias"]) if "stem.1.bias" in weights else 0


def _check(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    needed = {name for name in own if not _may_be_missing(name)}
    if missing := needed - weights.keys():
        raise ValueError(f"{min(missing)} is missing")
    for name, tensor in weights.items():
        if name not in own:
            raise ValueError(f"{name} has no place in this network")
        place = own[name].shape
        fits = tensor.ndim == len(place) and all(
            have >= needs for have, needs in zip(place, tensor.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name} of shape {tuple(tensor.shape)} does not fit {tuple(place)}")
    for name, axis in (("stem.1.weight", 1), ("head.0.weight", 0)):
        if weights[name].shape[axis] != own[name].shape[axis]:
            raise ValueError(f"{name}: the two networks have different stems")


def _second_look(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a second look begins with: the first one's way up; it has to learn to read by itself."""
    return {
        f"{_SECOND}{name}": tensor
        for name, tensor in weights.items()
        if f"{_SECOND}{name}" in own and not name.startswith("reader.")
    }


def _way_up_of_the_second(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """What a network that looks once, and filters as only a second look did, begins with."""
    second = {name.removeprefix(_SECOND): t for name, t in weights.items() if _SECOND in name}
    reading = ("reader", "motion", "trust")
    return {
        name: tensor
        for name, tensor in second.items()
        if name in own and _part(name) not in reading
    }


def _cut(name: str, tensor: Tensor, own: Mapping[str, Tensor]) -> Tensor:
    """Without channels that are filtered in the other network only: the last ones, or colours."""
    part = _part(name.removeprefix(_SECOND))
    if part not in ("filtered", "undone") or name not in own:
        return tensor
    shape = own[name].shape
    if len(shape) > 1 and shape[1] == 1:
        tensor = tensor[:, :3].sum(dim=1, keepdim=True)
    return tensor[tuple(slice(side) for side in shape)]


def _may_be_missing(name: str) -> bool:
    """Whether it belongs to a block, or to what a plain U-Net does not have."""
    return ".body." in name or ".gate." in name or _part(name) in MOTION_PARTS


def _part(name: str) -> str:
    return name.split(".")[0]
