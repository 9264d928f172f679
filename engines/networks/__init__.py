"""Network architectures as plain torch modules, built from the specification on a card."""

from engines.networks.mimo_unet import MIMOUNet, MIMOUNetSpec
from engines.networks.motion_unet import MotionUNet, MotionUNetSpec
from engines.networks.nafnet import NAFNet, NAFNetSpec
from engines.networks.plain_unet import PlainUNet, PlainUNetSpec
from engines.networks.specification import (
    NetworkSpec,
    build_network,
    named_specification,
    network_shapes,
    read_specification,
)

__all__ = [
    "MIMOUNet",
    "MIMOUNetSpec",
    "MotionUNet",
    "MotionUNetSpec",
    "NAFNet",
    "NAFNetSpec",
    "NetworkSpec",
    "PlainUNet",
    "PlainUNetSpec",
    "build_network",
    "named_specification",
    "network_shapes",
    "read_specification",
]
