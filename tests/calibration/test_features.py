import cv2
import numpy as np
import pytest
import torch

import calibration.features
from calibration.errors import CalibrationError
from calibration.features import EfficientNetLite0Features, FeatureDistance


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    import skimage.data

    return torch.from_numpy(skimage.data.astronaut()[:256, :256].copy()).permute(2, 0, 1)[None]


def blurred(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    pixels = picture[0].permute(1, 2, 0).numpy()
    return torch.from_numpy(cv2.GaussianBlur(pixels, (0, 0), sigma)).permute(2, 0, 1)[None]


def test_taps_are_those_of_the_published_network(picture: torch.Tensor) -> None:
    taps = EfficientNetLite0Features()(picture / 255.0)
    shapes = [tuple(tap.shape[1:]) for tap in taps]
    assert shapes == [(16, 128, 128), (24, 64, 64), (40, 32, 32), (80, 16, 16), (112, 16, 16)]


def test_distance_grows_with_blur_and_hardly_with_brightness(picture: torch.Tensor) -> None:
    distance, truth = FeatureDistance(), picture / 255.0
    assert float(distance(truth, truth)) == pytest.approx(0, abs=1e-5)
    by_blur = [float(distance(blurred(picture, s) / 255.0, truth)) for s in (1, 2, 4, 8)]
    assert np.all(np.diff(by_blur) > 0.2)
    assert float(distance(truth * 0.9, truth)) < by_blur[0]


def test_gradient_reaches_the_picture_and_not_the_features(picture: torch.Tensor) -> None:
    distance = FeatureDistance().train()
    x = (blurred(picture, 2) / 255.0).requires_grad_()
    distance(x, picture / 255.0).sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().max()) > 0
    assert not distance.features.training
    assert all(p.grad is None for p in distance.parameters())


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    calibration.features._weights_file.cache_clear()
    monkeypatch.setattr(calibration.features, "_PACKAGE", "no_such_package")
    with pytest.raises(CalibrationError, match="blur2blur-live"):
        FeatureDistance()
