import pytest
import torch
from torch import nn

from calibration.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(3, 16, 144), (2, 40, 9)])
def test_orthogonal_matrices_have_singular_values_near_one(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert values.min() > 0.5
    assert values.max() < 1.35


def test_scale_of_the_gradient_does_not_matter() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(1, 8, 72)
    assert torch.allclose(orthogonal(matrix), orthogonal(1024 * matrix), atol=0.02)


def test_it_descends() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, 3, bias=False)
    x, wanted = torch.randn(4, 3, 12, 12), torch.randn(4, 8, 10, 10)
    optimizer = Muon(convolution.parameters(), 0.02)
    losses = []
    for _ in range(60):
        loss = (convolution(x) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        Muon([nn.Parameter(torch.zeros(3))], 0.1)
