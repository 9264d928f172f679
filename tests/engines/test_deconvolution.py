"""Transforms of windows and back, and what Wiener's filter undoes with them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from engines.networks.deconvolution import Deconvolution
from engines.networks.windowed_fourier import OverlapAdd, WindowedFourier

BINS = 9


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_windows_are_transformed_as_torch_does_it(stride: int) -> None:
    window = torch.hann_window(16, periodic=False, dtype=torch.float64)
    x = torch.rand(2, 1, 37, 50)
    transformed = WindowedFourier(window, stride, 7)(x).double()
    rows, columns = ((side - 16) // stride + 1 for side in x.shape[2:])
    assert transformed.shape == (2, 8, 2, 15, rows, columns)
    row, column = rows - 1, columns - 1
    corner = x[1, 0, stride * row :, stride * column :][:16, :16].double()
    values = torch.fft.fft2(corner * window[:, None] * window)
    expected = torch.cat([values[-7:, :8], values[:8, :8]]).T
    got = torch.complex(*transformed[1, :, :, :, row, column].unbind(dim=1))
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_phases_are_counted_from_the_origin() -> None:
    grid = torch.zeros(1, 1, BINS, BINS)
    grid[0, 0, 4, 6] = 1.0
    ones = torch.ones(BINS, dtype=torch.float64)
    wave = WindowedFourier(ones, BINS, 3, period=16, origin=4)(grid)[0, :, :, :, 0, 0]
    phase = -2 * torch.pi * 2 / 16 * torch.arange(4)
    expected = torch.stack([phase.cos(), phase.sin()], dim=1)[:, :, None].expand(-1, -1, 7)
    torch.testing.assert_close(wave, expected, atol=1e-5, rtol=0)


def test_windows_add_up_to_the_picture_again() -> None:
    window = torch.hann_window(64, dtype=torch.float64).sqrt()
    fourier = WindowedFourier(window, 32, 31, scale=64**-2)
    y, x = torch.meshgrid(torch.arange(160), torch.arange(224), indexing="ij")
    picture = (torch.sin(x / 3) + torch.cos((y + x) / 4))[None, None]
    again = OverlapAdd(fourier, window)(fourier(picture))
    torch.testing.assert_close(again, picture[:, :, 32:-32, 32:-32], atol=2e-3, rtol=0)


def told(shares: Tensor, height: int, width: int) -> Tensor:
    """The same displacements everywhere."""
    return shares.reshape(1, -1, 1, 1).expand(-1, -1, height // 8, width // 8)


def undo(picture: Tensor, shares: Tensor, noise: float) -> Tensor:
    network = Deconvolution(BINS, 4)
    torch.nn.init.constant_(network.noise.bias, noise)
    height, width = picture.shape[-2:]
    hidden = torch.zeros(1, 4, height // 8, width // 8)
    undone: Tensor = network(picture, told(shares, height, width), hidden)
    return undone


@torch.no_grad()
def test_a_motion_is_undone_and_its_mirror_image_is_not() -> None:
    """Things were at the middle for half of the time, and then went right, and down."""
    torch.manual_seed(0)
    sharp = F.avg_pool2d(torch.rand(1, 2, 98, 122), 3, 1)
    shares = torch.zeros(BINS, BINS)
    shares[4, 4], shares[4, 7], shares[6, 5] = 0.5, 0.3, 0.2
    kernel = shares.flip(0, 1)[None, None].expand(2, -1, -1, -1)
    blurred = F.conv2d(F.pad(sharp, (4, 4, 4, 4), mode="replicate"), kernel, groups=2)
    inner = (..., slice(16, -16), slice(16, -16))

    def error(picture: Tensor) -> float:
        return float((picture - sharp)[inner].std())

    assert error(undo(blurred, shares, -6.0)) < 0.3 * error(blurred)
    assert error(undo(blurred, shares.flip(0, 1), -6.0)) > error(blurred)


@torch.no_grad()
@pytest.mark.parametrize("size", [(8, 8), (16, 40), (104, 136)])
def test_what_stands_still_stays(size: tuple[int, int]) -> None:
    """Of every size that networks have there, and whatever is said of noise, but for its share."""
    still = torch.zeros(BINS, BINS)
    still[4, 4] = 1.0
    y, x = torch.meshgrid(*map(torch.arange, size), indexing="ij")
    picture = (0.5 + 0.2 * torch.sin(x / 5) + 0.2 * torch.sin(y / 7))[None, None]
    torch.testing.assert_close(undo(picture, still, -9.0), picture, atol=2e-3, rtol=0)
    torch.testing.assert_close(undo(picture, still, 0.0), picture / 2, atol=2e-3, rtol=0)
