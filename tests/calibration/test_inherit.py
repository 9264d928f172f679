from dataclasses import replace

import pytest
import torch
from torch import nn

from calibration.inherit import inherit
from engines.networks import MotionUNetSpec, PlainUNet, PlainUNetSpec
from engines.networks.spectra import linear_light

SMALL = PlainUNetSpec(width=8, encoder_blocks=(1, 1), decoder_blocks=(1,))
LARGE = PlainUNetSpec(width=12, encoder_blocks=(2, 3), decoder_blocks=(2,))
NARROW = MotionUNetSpec(width=8, encoder_blocks=(1, 1, 2), decoder_blocks=(1, 1), hidden=16)


def trained(spec: PlainUNetSpec) -> PlainUNet:
    """A network whose head is not zero, as after training."""
    network = spec.build()
    nn.init.normal_(network.head.get_parameter("0.weight"), std=0.01)
    nn.init.normal_(network.head.get_parameter("0.bias"), std=0.01)
    return network


def test_the_larger_network_begins_with_the_smaller_ones_answer_and_learns() -> None:
    torch.manual_seed(0)
    small, large = trained(SMALL), LARGE.build()
    inherit(large, small.state_dict())
    picture = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(large(picture), small(picture), atol=1e-5, rtol=1e-5)
    (large(picture) ** 2).mean().backward()
    head = large.head.get_parameter("0.weight").grad
    assert head is not None
    assert head[:, SMALL.width :].abs().max() > 0, "new channels are listened to after a step"
    added = large.get_parameter("encoders.1.2.body.2.weight").grad
    assert added is not None
    assert added.abs().max() > 0, "an additional block learns"


def test_a_network_with_fewer_blocks_keeps_the_others() -> None:
    deep = trained(replace(SMALL, encoder_blocks=(2, 3)))
    shallow = replace(SMALL, encoder_blocks=(0, 2)).build()
    inherit(shallow, deep.state_dict())
    kept, all_weights = shallow.state_dict(), deep.state_dict()
    assert all(torch.equal(tensor, all_weights[name]) for name, tensor in kept.items())
    picture = torch.rand(1, 3, 32, 32)
    assert not torch.equal(shallow(picture), picture), "it restores at once"


def test_one_that_looks_for_motion_begins_with_the_plain_ones_answer() -> None:
    shape = {"width": 8, "encoder_blocks": (1, 1, 2), "decoder_blocks": (1, 1)}
    plain, looking = trained(PlainUNetSpec(**shape)), MotionUNetSpec(**shape, hidden=16).build()
    inherit(looking, plain.state_dict())
    picture = torch.rand(1, 3, 32, 48)
    torch.testing.assert_close(looking(picture), plain(picture), atol=1e-5, rtol=1e-5)
    again = MotionUNetSpec(**shape, hidden=16).build()
    inherit(again, looking.state_dict())
    assert all(map(torch.equal, again.state_dict().values(), looking.state_dict().values()))


def test_one_that_looks_for_motion_is_not_cut_down_to_a_plain_one() -> None:
    shape = {"width": 8, "encoder_blocks": (1, 1, 2), "decoder_blocks": (1, 1)}
    looking = MotionUNetSpec(**shape, hidden=16).build()
    with pytest.raises(ValueError, match="look for motion"):
        inherit(PlainUNetSpec(**shape).build(), looking.state_dict())


def test_a_second_look_begins_with_the_first_ones_way_up() -> None:
    spec = MotionUNetSpec(width=8, encoder_blocks=(1, 1, 2), decoder_blocks=(1, 1), hidden=16)
    once, twice = spec.build(), replace(spec, looks=2).build()
    nn.init.normal_(once.head.get_parameter("0.weight"), std=0.01)
    inherit(twice, once.state_dict())
    picture = torch.rand(1, 3, 32, 48)
    light = twice.first_light(picture, twice.see(picture))
    torch.testing.assert_close(light, linear_light(once(picture)))
    assert twice.second is not None
    for name, weight in twice.second.head.state_dict().items():
        assert torch.equal(weight, once.head.state_dict()[name])
    assert not torch.equal(twice.second.reader.motion.weight, once.reader.motion.weight)
    again = replace(spec, looks=2).build()
    inherit(again, twice.state_dict())
    assert all(map(torch.equal, again.state_dict().values(), twice.state_dict().values()))


def test_one_look_that_filters_begins_with_a_second_ones_way_up() -> None:
    spec = MotionUNetSpec(width=8, encoder_blocks=(1, 1, 2), decoder_blocks=(1, 1), hidden=16)
    twice = replace(spec, looks=2, filtered=6).build()
    for tensor in twice.state_dict().values():
        nn.init.normal_(tensor, std=0.05)
    once = replace(spec, filtered=6, window_stride=64).build()
    inherit(once, twice.state_dict())
    own, other = once.state_dict(), twice.state_dict()
    for name, tensor in own.items():
        kept = name.split(".")[0] in ("stem", "encoders", "downs", "local", "mix", "reader")
        kept = kept or name.split(".")[0] in ("motion", "trust")
        assert torch.equal(tensor, other[name if kept else f"second.{name}"]), name
    grey = replace(spec, filtered=1).build()
    inherit(grey, twice.state_dict())
    assert grey.undone is not None
    colours = twice.get_submodule("second.undone.0.0").get_parameter("weight")[:, :3]
    first = grey.get_submodule("undone.0.0").get_parameter("weight")
    torch.testing.assert_close(first, colours.sum(dim=1, keepdim=True))


def test_a_narrower_one_that_looks_for_motion_can_read_and_learns_the_rest() -> None:
    shape = {"encoder_blocks": (1, 1, 2), "decoder_blocks": (1, 1), "hidden": 16, "filtered": 1}
    wide, narrow = (MotionUNetSpec(width=width, **shape).build() for width in (12, 8))
    assert wide.undo is not None
    assert narrow.undo is not None
    for tensor in wide.state_dict().values():
        nn.init.normal_(tensor, std=0.05)
    fresh = {name: tensor.clone() for name, tensor in narrow.state_dict().items()}
    inherit(narrow, wide.state_dict())
    for part in ("reader", "grasp", "undo"):
        own, other = (network.get_submodule(part).state_dict() for network in (narrow, wide))
        assert own
        assert all(torch.equal(tensor, other[name]) for name, tensor in own.items())
    assert torch.equal(narrow.stem.get_parameter("1.weight"), fresh["stem.1.weight"])
    picture = torch.rand(1, 3, 32, 48)
    assert torch.equal(narrow(picture), picture), "it changes nothing yet"
    (narrow(picture) - 0.5).square().mean().backward()
    head = narrow.head.get_parameter("0.weight").grad
    assert head is not None
    assert head.abs().max() > 0


def test_a_narrower_one_that_filters_takes_the_filter_of_a_second_look() -> None:
    shape = {"encoder_blocks": (1, 1, 2), "decoder_blocks": (1, 1), "hidden": 16}
    twice = MotionUNetSpec(width=12, looks=2, **shape).build()
    for tensor in twice.state_dict().values():
        nn.init.normal_(tensor, std=0.05)
    narrow = MotionUNetSpec(width=8, filtered=1, **shape).build()
    inherit(narrow, twice.state_dict())
    for part, there in (("reader", "reader"), ("grasp", "second.grasp"), ("undo", "second.undo")):
        own, other = (
            network.get_submodule(name).state_dict()
            for network, name in ((narrow, part), (twice, there))
        )
        assert own
        assert all(torch.equal(tensor, other[name]) for name, tensor in own.items())


def test_the_same_network_is_copied() -> None:
    first, second = trained(SMALL), SMALL.build()
    inherit(second, first.state_dict())
    assert all(map(torch.equal, second.state_dict().values(), first.state_dict().values()))


@pytest.mark.parametrize(
    ("network", "smaller", "reason"),
    [
        (SMALL, LARGE, "does not fit"),
        (LARGE, PlainUNetSpec(stem=4, width=8, encoder_blocks=(1, 1), decoder_blocks=(1,)), "stem"),
        (PlainUNetSpec(), SMALL, "missing"),
        (NARROW, PlainUNetSpec(), "missing, and its trunk is wider"),
        (NARROW, replace(NARROW, width=12, hidden=32), "grasp.* does not fit"),
    ],
)
def test_what_cannot_be_inherited_is_refused(
    network: PlainUNetSpec | MotionUNetSpec, smaller: PlainUNetSpec | MotionUNetSpec, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        inherit(network.build(), smaller.build().state_dict())
