"""Inner channels of residual blocks that nothing listens to: engines leave them out.

A ReLU that no picture wakes any more never learns again, either; in a network that has been trained
for long whole blocks sleep. ``blur2blur train prune`` finds such channels and sets to zero what the
block's last convolution makes of them. Profiles keep the full shapes, so that training goes on from
them as from any other; what is computed is narrower.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_TOGETHER = 16
"""Processors compute as many channels at a time: fewer would save nothing."""
_FIRST = (".body.0.weight", ".body.0.bias", ".gate.weight", ".gate.bias")
_LAST = ".body.2.weight"


def heard(last: NDArray[np.floating]) -> NDArray[np.intp]:
    """Which channels an engine computes for a block's last convolution.

    Args:
        last: its weights, (outputs, inputs, height, width).

    Returns:
        Those that any output listens to, in order, filled up to a multiple of 16 with others; none
        where none is listened to.
    """
    loudest = np.abs(last).max(axis=(0, 2, 3))
    listened, idle = np.flatnonzero(loudest), np.flatnonzero(loudest == 0)
    filling = idle[: -len(listened) % _TOGETHER]
    return np.sort(np.concatenate([listened, filling]))


def without_idle(weights: Mapping[str, NDArray[np.floating]], name: str) -> NDArray[np.floating]:
    """A tensor of a profile as an engine has it.

    Args:
        weights: the profile's tensors.
        name: of one of them.
    """
    tensor = weights[name]
    ending = next((end for end in (*_FIRST, _LAST) if name.endswith(end)), None)
    last = None if ending is None else weights.get(name.removesuffix(ending) + _LAST)
    if last is None or last.ndim != 4:
        return tensor
    kept = heard(last)
    return tensor[:, kept] if ending == _LAST else tensor[kept]
