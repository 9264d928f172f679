import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engines.fused import FusedDeblur, keep_still
from engines.networks import PlainUNet, PlainUNetSpec

SPEC = PlainUNetSpec(width=4, encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1))


@given(height=st.integers(1, 40), width=st.integers(1, 40), batch=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_identity_networks_give_back_every_frame_of_any_size(
    height: int, width: int, batch: int
) -> None:
    fused = FusedDeblur(nn.Identity(), PlainUNet(SPEC), SPEC.multiple)
    random = np.random.default_rng(height * 41 + width)
    frames = torch.from_numpy(random.integers(0, 256, (batch, height, width, 3), dtype=np.uint8))
    assert torch.equal(fused(frames), frames)


def test_output_is_clipped_and_rounded_not_wrapped() -> None:
    class Brighter(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 0.5

    frames = torch.tensor([0, 100, 200, 255], dtype=torch.uint8).reshape(1, 2, 2, 1)
    fused = FusedDeblur(Brighter(), nn.Identity(), 1)
    result = fused(frames.expand(1, 2, 2, 3))[..., 0].flatten().tolist()
    assert result == [128, 228, 255, 255]


def test_translator_comes_before_the_deblurrer() -> None:
    class Times(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    class Plus(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 10 / 255

    frames = torch.full((1, 1, 1, 3), 20, dtype=torch.uint8)
    assert FusedDeblur(Times(), Plus(), 1)(frames).unique().tolist() == [50]


def test_what_hardly_changes_stays_as_it_was() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, 64, 64, generator=random)
    y = x + 0.6 / 255 * torch.randn(1, 3, 64, 64, generator=random)
    y[..., 24:40, 24:40] += 0.1
    kept = keep_still(x, y - x)
    assert torch.equal(kept[..., :8, :], x[..., :8, :]), "a still background"
    inside = (..., slice(24, 40), slice(24, 40))
    torch.testing.assert_close(kept[inside], y[inside])
    half = keep_still(x, torch.full_like(x, 1.2 / 255))
    torch.testing.assert_close(half, x + 0.6 / 255, atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_is_left_alone_is_left_bit_for_bit_in_low_precision(dtype: torch.dtype) -> None:
    fused = FusedDeblur(nn.Identity(), PlainUNet(SPEC), SPEC.multiple).to(dtype)
    frames = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(1, 16, 16, 3)
    assert torch.equal(fused(frames), frames)


def test_levels_are_what_forward_gives_before_the_last_cast() -> None:
    fused = FusedDeblur(nn.Identity(), PlainUNet(SPEC), SPEC.multiple)
    nn.init.normal_(fused.deblurrer.head[0].weight, 0, 0.1)
    frames = torch.randint(0, 256, (2, 21, 30, 3), dtype=torch.uint8)
    levels = fused.levels(frames)
    assert levels.dtype == torch.float32
    assert torch.equal(levels.to(torch.uint8), fused(frames))
