"""What a translator is held to: features by which G(x) still shows what x shows.

VGG19 is what the method's authors and most of the field use (Johnson et al., ECCV 2016); it comes
with torchvision, which fetches its weights from the network when they are first asked for. Where it
is not installed, EfficientNet-Lite0 serves, whose weights come with the extra ``train``.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor, nn

from calibration.errors import CalibrationError
from calibration.features import EfficientNetLite0Features, FeatureDistance

ContentFeatures = Literal["auto", "vgg19", "efficientnet-lite0"]

_VGG_TAPS = (3, 8, 17, 26, 35)
"""The last ReLU of each of VGG19's five stages."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG19Features(nn.Module):
    """The stages of VGG19 (Simonyan and Zisserman, ICLR 2015) trained on ImageNet, frozen.

    Input: float (N, 3, H, W) RGB in 0...1. Output: five feature maps. Not run where this was
    written: torchvision's weights cannot be fetched there.

    Raises:
        CalibrationError: torchvision is not installed, or its weights cannot be fetched.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            from torchvision.models import VGG19_Weights, vgg19
        except (ImportError, RuntimeError, OSError) as error:  # one for another torch, too
            raise CalibrationError(
                f"VGG19 needs torchvision ({error}); pip install torchvision, of the version that "
                "fits your torch, or choose --features efficientnet-lite0"
            ) from error
        try:
            layers = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features
        except (OSError, RuntimeError) as error:  # no network, or a damaged download
            raise CalibrationError(
                f"VGG19's weights cannot be fetched: {error}; try again with a network, or choose "
                "--features efficientnet-lite0"
            ) from error
        self.layers = layers[: max(_VGG_TAPS) + 1]
        for layer in self.layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # or the taps before it would hold what comes after
        self.register_buffer("_mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)
        deviation = torch.tensor(_DEVIATION).reshape(1, 3, 1, 1)
        self.register_buffer("_deviation", deviation, persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = (pictures - self.get_buffer("_mean")) / self.get_buffer("_deviation")
        taps = []
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in _VGG_TAPS:
                taps.append(x)
        return taps


def content_distance(
    features: ContentFeatures, say: Callable[[str], None] = lambda line: None
) -> tuple[FeatureDistance, str]:
    """The distance in these features, and the name of what it is made of.

    `auto` is VGG19 where torchvision is installed and its weights can be had, and otherwise
    EfficientNet-Lite0, with a line that says why.

    Raises:
        CalibrationError: features that were asked for by name cannot be had.
    """
    if features == "vgg19" or (features == "auto" and find_spec("torchvision") is not None):
        try:
            return FeatureDistance(VGG19Features()), "vgg19"
        except CalibrationError as error:
            if features == "vgg19":
                raise
            say(f"EfficientNet-Lite0's features in place of VGG19's: {error}")
    return FeatureDistance(EfficientNetLite0Features()), "efficientnet-lite0"
