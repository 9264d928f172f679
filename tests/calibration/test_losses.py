"""What a restored picture is compared by."""

import math

import pytest
import torch

from calibration.losses import LossWeights, RestorationLoss, harm


def test_harm_is_by_the_gain_in_psnr_and_none_where_nothing_was_blurred() -> None:
    truth = torch.full((4, 3, 16, 16), 0.5)
    blurred = truth + torch.tensor([0.1, 0.1, 0.1, 0.001])[:, None, None, None]
    restored = truth + torch.tensor([0.1, 0.01, 0.2, 0.1])[:, None, None, None]
    same, better, worse, sharp = harm(restored, truth, blurred).tolist()
    assert same == pytest.approx(math.log(2))
    assert better == pytest.approx(0, abs=1e-4)  # by 20 dB
    assert worse == pytest.approx(20 * math.log10(2) / 0.4, abs=1e-3)
    assert sharp == 0


def test_harm_counts_in_the_loss_as_much_as_it_is_asked_to() -> None:
    random = torch.Generator().manual_seed(0)
    truth, blurred, restored = torch.rand(3, 2, 3, 32, 32, generator=random).unbind(0)
    without = RestorationLoss(LossWeights())(restored, truth, blurred)
    weights = LossWeights(harm=0.3)
    expected = without + 0.3 * harm(restored, truth, blurred).mean()
    assert RestorationLoss(weights)(restored, truth, blurred) == pytest.approx(float(expected))
    assert str(weights).endswith("feature distance) + 0.3 harm")


def test_harm_has_a_gradient_towards_the_truth_where_nothing_was_changed() -> None:
    blurred = torch.full((1, 3, 8, 8), 0.6)
    restored = blurred.clone().requires_grad_()
    harm(restored, torch.full_like(blurred, 0.5), blurred).sum().backward()
    assert restored.grad is not None and (restored.grad > 0).all()
