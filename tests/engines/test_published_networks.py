"""NAFNet and MIMO-UNet against what their papers and repositories say of them."""

import pytest
import torch

from engines.networks import MIMOUNetSpec, NAFNet, NAFNetSpec, NetworkSpec, read_specification
from engines.networks.cost import multiply_accumulates


@pytest.mark.parametrize(
    ("spec", "million_parameters", "gmacs"),
    [
        (NAFNetSpec(width=16), 4.35, 4.1),
        (NAFNetSpec(width=32), 17.1, 16.0),
        (MIMOUNetSpec(), 6.8, 63.7),
        (MIMOUNetSpec(blocks=20), 16.1, 150.7),
    ],
)
def test_size_and_work_are_the_published_ones(
    spec: NetworkSpec, million_parameters: float, gmacs: float
) -> None:
    network = spec.build()
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters / 1e6 == pytest.approx(million_parameters, abs=0.051)
    assert multiply_accumulates(network, 256, 256) / 1e9 == pytest.approx(gmacs, abs=0.051)


@pytest.mark.parametrize("spec", [NAFNetSpec(width=4), MIMOUNetSpec(width=8, blocks=1)])
def test_picture_to_picture_of_any_fitting_size(spec: NetworkSpec) -> None:
    x = torch.rand(2, 3, 3 * spec.multiple, 5 * spec.multiple)
    assert spec.build()(x).shape == x.shape
    assert read_specification(spec.to_json()) == spec


def test_blocks_of_a_fresh_nafnet_change_nothing() -> None:
    network = NAFNet(NAFNetSpec(width=4))
    x = torch.rand(1, 32, 16, 16)
    assert torch.equal(network.encoders[3](x), x)


def test_middle_of_a_colour_is_what_the_norm_removes() -> None:
    norm = NAFNet(NAFNetSpec(width=8)).encoders[0][0].norm1
    y = norm(torch.randn(2, 8, 5, 6) * 3 + 1)
    assert y.mean(dim=1).abs().max() < 1e-5
    assert y.var(dim=1, unbiased=False).sub(1).abs().max() < 1e-3


def test_three_scales_of_mimo_unet() -> None:
    network = MIMOUNetSpec(width=8, blocks=1).build()
    smallest, smaller, full = network.at_three_scales(torch.rand(1, 3, 32, 48))  # type: ignore[operator]
    assert [tuple(y.shape[-2:]) for y in (smallest, smaller, full)] == [(8, 12), (16, 24), (32, 48)]


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        (
            NAFNetSpec(),
            [
                "intro.weight",
                "encoders.3.27.sca.1.bias",
                "middle_blks.0.norm2.weight",
                "ups.0.0.weight",
                "decoders.3.0.beta",
                "downs.0.bias",
                "ending.bias",
            ],
        ),
        (
            MIMOUNetSpec(),
            [
                "Encoder.2.layers.7.main.1.main.0.weight",
                "feat_extract.3.main.0.weight",
                "AFFs.1.conv.1.main.0.bias",
                "SCM1.main.3.main.0.weight",
                "FAM2.merge.main.0.weight",
                "ConvsOut.0.main.0.weight",
                "Convs.1.main.0.weight",
            ],
        ),
    ],
)
def test_parameters_have_the_published_names(parts: NetworkSpec, names: list[str]) -> None:
    assert set(names) <= parts.build().state_dict().keys()
