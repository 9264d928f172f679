"""From the JSON on a weights' card to a network."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from engines.errors import ProfileError
from engines.networks.plain_unet import PlainUNet, PlainUNetSpec


def build_network(specification: Mapping[str, Any]) -> nn.Module:
    """Build an untrained network from ``{"architecture": name, **arguments}``.

    Raises:
        ProfileError: the architecture or one of its arguments is unknown.
    """
    arguments = dict(specification)
    architecture = arguments.pop("architecture", None)
    if architecture == "identity":
        return nn.Identity()
    if architecture == "plain-unet":
        try:
            return PlainUNet(PlainUNetSpec.from_json(arguments))
        except TypeError as error:
            raise ProfileError(f"plain-unet does not take these arguments: {error}") from error
    raise ProfileError(
        f"unknown architecture {architecture!r}; this version knows 'identity' and 'plain-unet'"
    )
