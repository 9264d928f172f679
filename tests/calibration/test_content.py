"""Which features hold a translator to what it was given."""

import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from calibration import content
from calibration.content import VGG19Features, content_distance
from calibration.errors import CalibrationError


def test_without_torchvision_the_ones_at_hand_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "find_spec", lambda name: None)
    distance, name = content_distance("auto")
    assert name == "efficientnet-lite0"
    x = torch.rand(2, 3, 64, 64)
    assert distance(x, x).tolist() == [0, 0]


def test_features_asked_for_by_name_are_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(CalibrationError, match="pip install torchvision"):
        content_distance("vgg19")


def vgg19_layers() -> nn.Sequential:
    """The published configuration E, small, with fresh weights."""
    layers: list[nn.Module] = []
    channels = 3
    for width, count in ((4, 2), (4, 2), (8, 4), (8, 4), (8, 4)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def put_torchvision(monkeypatch: pytest.MonkeyPatch, fails: Exception | None = None) -> None:
    """In torchvision's place: its names, and layers in its order."""
    models = ModuleType("torchvision.models")

    class Weights:
        IMAGENET1K_V1 = "weights"

    def vgg19(*, weights: str) -> nn.Module:
        if fails is not None:
            raise fails
        network = nn.Module()
        network.features = vgg19_layers()
        return network

    models.VGG19_Weights, models.vgg19 = Weights, vgg19  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    monkeypatch.setattr(content, "find_spec", lambda name: object())


def test_taps_end_the_stages_and_are_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    put_torchvision(monkeypatch)
    distance, name = content_distance("auto")
    assert name == "vgg19"
    assert isinstance(distance.features, VGG19Features)
    taps = distance.features(torch.rand(1, 3, 64, 64))
    assert [tuple(tap.shape[1:]) for tap in taps] == [
        (4, 64, 64), (4, 32, 32), (8, 16, 16), (8, 8, 8), (8, 4, 4),
    ]  # fmt: skip
    assert all((tap >= 0).all() for tap in taps)
    assert not any(p.requires_grad for p in distance.parameters())


def test_weights_that_cannot_be_fetched_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    put_torchvision(monkeypatch, OSError("Temporary failure in name resolution"))
    said: list[str] = []
    _, name = content_distance("auto", said.append)
    assert name == "efficientnet-lite0"
    assert "name resolution" in said[0]
    with pytest.raises(CalibrationError, match="cannot be fetched"):
        content_distance("vgg19")
