"""From the JSON on a weights' card to a network and back."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import nn

from engines.errors import ProfileError
from engines.networks.mimo_unet import MIMOUNetSpec
from engines.networks.motion_unet import MotionUNetSpec
from engines.networks.nafnet import NAFNetSpec
from engines.networks.plain_unet import PlainUNetSpec


class NetworkSpec(Protocol):
    """The shape of a network; what a card says and what builds it."""

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this many pixels."""

    def to_json(self) -> dict[str, Any]:
        """``{"architecture": name, **arguments}``, as :func:`read_specification` takes it."""

    def build(self) -> nn.Module:
        """A network with fresh weights."""


_SPECIFICATIONS: dict[str, Callable[..., NetworkSpec]] = {
    "plain-unet": PlainUNetSpec,
    "motion-unet": MotionUNetSpec,
    "nafnet": NAFNetSpec,
    "mimo-unet": MIMOUNetSpec,
}


def read_specification(specification: Mapping[str, Any]) -> NetworkSpec:
    """Read ``{"architecture": name, **arguments}``.

    Raises:
        ProfileError: the architecture or one of its arguments is unknown.
    """
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in specification.items()
    }
    architecture = arguments.pop("architecture", None)
    make = _SPECIFICATIONS.get(str(architecture))
    if make is None:
        known = ", ".join(_SPECIFICATIONS)
        raise ProfileError(
            f"unknown architecture {architecture!r}; this version knows identity, {known}"
        )
    try:
        return make(**arguments)
    except (TypeError, ValueError) as error:
        raise ProfileError(f"{architecture} does not take these arguments: {error}") from error


def build_network(specification: Mapping[str, Any]) -> nn.Module:
    """Build a network with fresh weights; ``{"architecture": "identity"}`` changes nothing.

    Raises:
        ProfileError: the architecture or one of its arguments is unknown.
    """
    if specification.get("architecture") == "identity":
        return nn.Identity()
    return read_specification(specification).build()


def network_shapes(specification: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Those of a network's tensors by name. None is allocated, however large it would be.

    Raises:
        ProfileError: as of :func:`build_network`.
        ArithmeticError, RuntimeError, TypeError, ValueError: it is beyond all measure.
    """
    with torch.device("meta"):
        state = build_network(specification).state_dict()
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


_NAMED: dict[str, NetworkSpec] = {
    "plain": PlainUNetSpec(),
    "plain-short": PlainUNetSpec(encoder_blocks=(0, 1, 3), decoder_blocks=(0, 1)),
    "fast": MotionUNetSpec(
        width=16, encoder_blocks=(1, 1, 3), decoder_blocks=(1, 1), filtered=1, window_stride=64
    ),
    "balanced": MotionUNetSpec(
        encoder_blocks=(1, 2, 4), decoder_blocks=(1, 2), filtered=1, window_stride=64
    ),
    "quality-once": MotionUNetSpec(),
    "quality": MotionUNetSpec(looks=2),
    "nafnet16": NAFNetSpec(width=16),
    "nafnet32": NAFNetSpec(width=32),
    "mimo-unet": MIMOUNetSpec(),
}


def named_specification(name: str) -> NetworkSpec:
    """The shape that a name stands for: the shipped sizes and the published networks.

    Raises:
        ProfileError: there is none of that name.
    """
    try:
        return _NAMED[name]
    except KeyError:
        raise ProfileError(f"no network {name!r}; there are {', '.join(_NAMED)}") from None
