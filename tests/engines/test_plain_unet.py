import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engines.errors import ProfileError
from engines.networks import PlainUNet, PlainUNetSpec, build_network
from engines.networks.cost import multiply_accumulates
from engines.networks.plain_unet import Enlarge


@pytest.mark.parametrize(
    "spec",
    [
        PlainUNetSpec(width=8),
        PlainUNetSpec(stem=4, width=4, encoder_blocks=(1, 1), decoder_blocks=(1,)),
        PlainUNetSpec(stem=1, width=4, encoder_blocks=(1,), decoder_blocks=()),
    ],
)
def test_untrained_network_is_the_identity(spec: PlainUNetSpec) -> None:
    x = torch.rand(2, 3, 6 * spec.multiple, 4 * spec.multiple)
    assert torch.equal(PlainUNet(spec)(x), x)


def test_network_changes_its_input_once_its_last_layer_is_not_zero() -> None:
    network = PlainUNet(PlainUNetSpec(width=8))
    torch.nn.init.normal_(network.head[0].weight)
    x = torch.rand(1, 3, 16, 16)
    assert not torch.allclose(network(x), x, atol=0.01)


def test_specification_survives_json() -> None:
    spec = PlainUNetSpec(stem=4, width=24, encoder_blocks=(1, 2), decoder_blocks=(3,))
    network = build_network(spec.to_json() | {"encoder_blocks": [1, 2], "decoder_blocks": [3]})
    assert isinstance(network, PlainUNet)
    assert network.spec == spec


@pytest.mark.parametrize(
    "card", [{"architecture": "resnet"}, {}, {"architecture": "plain-unet", "depth": 3}]
)
def test_unknown_architectures_are_named(card: dict[str, object]) -> None:
    with pytest.raises(ProfileError):
        build_network(card)


@pytest.mark.parametrize("arguments", [{"stem": 3}, {"width": 0}, {"encoder_blocks": (1, 1)}])
def test_impossible_specifications_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        PlainUNetSpec(**arguments)  # type: ignore[arg-type]


def test_multiply_accumulates_of_one_convolution_by_hand() -> None:
    spec = PlainUNetSpec(stem=1, width=4, encoder_blocks=(0,), decoder_blocks=())
    assert multiply_accumulates(PlainUNet(spec), 10, 20) == 2 * (3 * 4 * 9) * 10 * 20


def test_enlarging_is_torchs_pixel_shuffle() -> None:
    convolution = nn.Conv2d(5, 12, 3, padding=1)
    x = torch.rand(2, 5, 6, 8)
    expected = F.pixel_shuffle(convolution(x), 2)
    torch.testing.assert_close(Enlarge(convolution, 2)(x), expected)
