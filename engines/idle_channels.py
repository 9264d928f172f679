"""Channels between a network's layers that nothing listens to: engines leave them out.

A ReLU that no picture wakes any more never learns again, either; in a network that has been trained
for long whole blocks sleep, and half of what looks for motion. ``blur2blur train prune`` finds such
channels and sets to zero what the next convolutions make of them. Profiles keep the full shapes, so
that training goes on from them as from any other; what is computed is narrower.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TOGETHER = 16
"""Processors compute as many channels at a time: fewer would save nothing."""
_FIRST_OF_BLOCK = "body.0"
_KINDS = (
    ((_FIRST_OF_BLOCK, "gate"), ("body.2",)),
    (("local",), ("mix",)),
    (("mix",), ("motion", "trust", "second.motion", "second.trust")),
    (("grasp.0",), ("steer.0", "steer.1", "steer.2", "undo.noise")),
)
"""Of residual blocks, and of what works out how things moved: see :class:`InnerChannels`."""


@dataclass(frozen=True)
class InnerChannels:
    """Channels that no more than these convolutions of a network know of, by their names.

    Attributes:
        makers: what gives them, channel by channel.
        listeners: all that take them in, some several times over, one set behind the other.
    """

    makers: tuple[str, ...]
    listeners: tuple[str, ...]

    @property
    def of_block(self) -> bool:
        """Whether a residual block has them inside; otherwise they tell how things moved."""
        return self.name != self.makers[0]

    @property
    def name(self) -> str:
        """That of their block, or of what makes them."""
        return self.makers[0].removesuffix(f".{_FIRST_OF_BLOCK}")

    def loudness(self, weights: Mapping[str, NDArray[np.floating]]) -> NDArray[np.floating]:
        """How much is made of each channel at most, (channels,).

        Args:
            weights: the network's tensors.
        """
        channels = len(weights[f"{self.makers[0]}.weight"])
        taken = (np.abs(weights[f"{name}.weight"]).max(axis=(0, 2, 3)) for name in self.listeners)
        loudest: NDArray[np.floating] = np.max(
            [inputs.reshape(-1, channels).max(axis=0) for inputs in taken], axis=0
        )
        return loudest


def inner_channels(convolutions: Collection[str]) -> Iterator[InnerChannels]:
    """All that there are in a network with such convolutions."""
    for makers, listeners in _KINDS:
        for layer in convolutions:
            prefix = layer.removesuffix(makers[0])
            if layer == prefix or (prefix and not prefix.endswith(".")):
                continue
            there = [
                tuple(prefix + end for end in ends if prefix + end in convolutions)
                for ends in (makers, listeners)
            ]
            if all(there):
                yield InnerChannels(*there)


def heard(loudness: NDArray[np.floating]) -> NDArray[np.intp]:
    """Which channels an engine computes.

    Args:
        loudness: how much is made of each, (channels,).

    Returns:
        Those that anything listens to, in order, filled up to a multiple of 16 with others; none
        where none is listened to.
    """
    listened, idle = np.flatnonzero(loudness), np.flatnonzero(loudness == 0)
    filling = idle[: -len(listened) % _TOGETHER]
    return np.sort(np.concatenate([listened, filling]))


def taken_in(kept: NDArray[np.intp], channels: int, inputs: int) -> NDArray[np.intp]:
    """Which inputs of a listener are left.

    Args:
        kept: which of the inner channels are.
        channels: how many there were.
        inputs: how many the listener takes in, a multiple of that.
    """
    return np.concatenate([kept + first for first in range(0, inputs, channels)])


def without_idle(
    weights: Mapping[str, NDArray[np.floating]],
) -> dict[str, NDArray[np.floating]]:
    """A profile's tensors as an engine has them, but for blocks of which it computes nothing."""
    narrower = dict(weights)
    layers = {name.removesuffix(".weight") for name in weights if weights[name].ndim == 4}
    for inner in inner_channels(layers):
        loudness = inner.loudness(weights)
        if not len(kept := heard(loudness)):
            continue
        for layer in inner.makers:
            for tensor in (f"{layer}.weight", f"{layer}.bias"):
                narrower[tensor] = narrower[tensor][kept]
        for layer in inner.listeners:
            tensor = f"{layer}.weight"
            inputs = taken_in(kept, len(loudness), weights[tensor].shape[1])
            narrower[tensor] = narrower[tensor][:, inputs]
    return narrower
