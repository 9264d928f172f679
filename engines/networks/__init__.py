"""Network architectures as plain torch modules, built from the specification on a card."""

from engines.networks.plain_unet import PlainUNet, PlainUNetSpec
from engines.networks.specification import build_network

__all__ = ["PlainUNet", "PlainUNetSpec", "build_network"]
