"""What is read off the windows of a picture."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from calibration.known_blur import blur
from engines.networks.motion_reader import ComparingReader, MotionReader
from engines.networks.spectra import FREQUENCIES, WINDOW_PX, WindowSpectra, linear_light

READER = MotionReader(9, 8)
COMPARING = ComparingReader(9, 8)


def test_spectra_are_those_of_the_gradient() -> None:
    """Against torch's own transform, of the same windows."""
    light = torch.rand(1, 3, WINDOW_PX + 2, WINDOW_PX + 34) ** 2.2
    y, x = slice(1, -1), slice(1, -1)
    whole = light[0].double().mean(dim=0)
    edges = -4 * whole[y, x] + whole[:-2, x] + whole[2:, x] + whole[y, :-2] + whole[y, 2:]
    window = torch.hann_window(WINDOW_PX, periodic=False, dtype=torch.float64)
    values = torch.fft.rfft2(edges[:, :WINDOW_PX] * window[:, None] * window)
    k = FREQUENCIES
    near = torch.cat([values[-k:], values[: k + 1]])[:, : k + 1]
    v, u = torch.arange(-k, k + 1)[:, None], torch.arange(k + 1)
    sines = (2 * (torch.pi * v / WINDOW_PX).sin()) ** 2 + (
        2 * (torch.pi * u / WINDOW_PX).sin()
    ) ** 2
    strength = near.abs() ** 2
    strength = strength + 1e-4 * strength.mean()  # what low precision rounds off
    power = torch.where(sines > 0, strength / sines.clamp_min(1e-9), 0)
    expected = torch.log(power + 1e-5)
    inner = WindowSpectra()(light[:, :, 1:-1, 1:-1])
    assert inner.shape == (1, WindowSpectra.size, 1, 2)
    # the border's pixels have other neighbours there, which the window all but hides
    error = inner[0, :, 0, 0] - (expected - expected.mean()).flatten()
    assert error.abs().median() < 1e-3


def test_light_is_the_power_and_has_slopes_everywhere() -> None:
    x = torch.linspace(-0.1, 1.1, 1201, dtype=torch.float64).requires_grad_()
    light = linear_light(x)
    assert (light - x.clamp(0, 1) ** 2.2).abs().max() < 1e-4
    light.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    inside = (x > 0.01) & (x < 0.99)
    assert (x.grad - 2.2 * x**1.2)[inside].abs().max() < 2e-3
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("size", [(16, 16), (96, 160), (480, 640)])
def test_every_size_has_windows(size: tuple[int, int]) -> None:
    near, everywhere, _ = READER.statistics(torch.rand(1, 3, *size))
    rows, columns = (max(side - WINDOW_PX, 0) // 32 + 1 for side in size)
    assert near.shape == (1, MotionReader.size, rows, columns)
    assert everywhere.shape == (1, MotionReader.size, 1, 1)
    assert torch.isfinite(near).all()
    assert torch.isfinite(everywhere).all()


@pytest.mark.parametrize("size", [(16, 16), (192, 192), (480, 640)])
def test_windows_further_apart_are_read_between_four(size: tuple[int, int]) -> None:
    light = torch.rand(1, 3, *size)
    near, everywhere, _ = MotionReader(9, 8, 64).statistics(light)
    rows, columns = (max(side - WINDOW_PX - 64, 0) // 64 + 1 for side in size)
    assert near.shape == (1, MotionReader.size, rows, columns)
    if rows == columns == 1:
        torch.testing.assert_close(near, everywhere)


def everywhere(picture: NDArray[np.float32]) -> torch.Tensor:
    """Statistics (1, size) of light (H, W, 3)."""
    light = torch.from_numpy(picture.transpose(2, 0, 1).clip(0, 1))[None]
    return READER.statistics(light).everywhere[:, :, 0, 0]


def smeared(ahead: float) -> NDArray[np.float32]:
    """Tiles that moved by 12 px across, for ``ahead`` of the time at the right end."""
    tiles = np.random.default_rng(0).uniform(0, 1, (10, 10, 1)).astype(np.float32)
    scene = tiles.repeat(27, axis=0).repeat(27, axis=1)[:256, :256].repeat(3, axis=2)
    kernel = np.zeros((13, 13), np.float32)
    kernel[6] = 0.2
    kernel[6, -3:] = ahead
    kernel[6, :3] = 1 - ahead
    return blur(scene, kernel / kernel.sum())


def test_power_is_that_of_the_mirrored_motion_and_phase_is_not() -> None:
    """Which end of a motion took longer is in the phase, and only there."""
    still, right, left = (everywhere(smeared(ahead))[0] for ahead in (0.5, 0.9, 0.1))
    right, left = right - still, left - still
    power, phase = slice(0, WindowSpectra.size), slice(WindowSpectra.size, None)
    assert torch.cosine_similarity(right[power], left[power], dim=0) > 0.8
    assert torch.cosine_similarity(right[phase], left[phase], dim=0) < -0.4


def test_mirrored_and_turned_pictures_have_mirrored_and_turned_statistics() -> None:
    picture = smeared(0.8)
    seen = everywhere(picture)
    for changed, expected in (
        (picture[:, ::-1], READER.mirrored(seen)),
        (picture[::-1, ::-1], READER.turned(seen)),
    ):
        assert torch.allclose(everywhere(changed), expected, atol=1e-3)
        assert not torch.allclose(seen, expected, atol=1e-1)


def compared(picture: NDArray[np.float32], sharper: NDArray[np.float32]) -> torch.Tensor:
    """Statistics (1, size) of light (H, W, 3), and of a restoration of it."""
    given, restored = (
        torch.from_numpy(light.transpose(2, 0, 1).copy())[None] for light in (picture, sharper)
    )
    gradients = READER.statistics(given).gradients
    return COMPARING.statistics(gradients, restored)[1][:, :, 0, 0]


def test_a_picture_is_coherent_with_itself_and_ahead_of_one_that_lags() -> None:
    picture = smeared(0.5)
    size = COMPARING.size // 4
    real, imaginary = compared(picture, picture)[0, : 2 * size].split(size)
    assert real.mean() > 0.5
    assert imaginary.abs().max() < 1e-3
    shifted = compared(picture, np.roll(picture, 2, axis=1))[0]
    back = compared(picture, np.roll(picture, -2, axis=1))[0]
    assert shifted[size : 2 * size].abs().mean() > 0.1
    assert torch.cosine_similarity(shifted[size:][:size], back[size:][:size], dim=0) < -0.9


def test_comparisons_of_mirrored_and_turned_pictures_are_mirrored_and_turned() -> None:
    picture, sharper = smeared(0.8), smeared(0.95)
    seen = compared(picture, sharper)
    for turn, expected in (
        ((slice(None), slice(None, None, -1)), COMPARING.mirrored(seen)),
        ((slice(None, None, -1), slice(None, None, -1)), COMPARING.turned(seen)),
    ):
        assert torch.allclose(compared(picture[turn], sharper[turn]), expected, atol=1e-3)
        assert not torch.allclose(seen, expected, atol=1e-1)


def test_what_is_left_out_in_training_is_there_otherwise() -> None:
    torch.manual_seed(0)
    statistics = torch.rand(2, MotionReader.size, 1, 1)
    assert torch.equal(READER.logits(statistics), READER.logits(statistics))
    assert not torch.equal(READER.logits(statistics, 0.2), READER.logits(statistics))
