"""The network that looks for motion, and that it begins as a plain one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engines.engine import EngineShape
from engines.export import export_deblurrer
from engines.fused import FusedDeblur
from engines.networks import MotionUNet, MotionUNetSpec, read_specification
from engines.networks.gated_block import GatedBlock
from engines.openvino import OpenVINOEngine
from engines.profile import load_profile
from engines.selfcheck import fixed_frames

SMALL = MotionUNetSpec(width=8, encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1), hidden=16)
TWICE = replace(SMALL, looks=2, filtered=4)
GREYLY = replace(SMALL, filtered=1, window_stride=64)


def trained(spec: MotionUNetSpec = SMALL) -> MotionUNet:
    torch.manual_seed(0)
    network = spec.build()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval()


@pytest.mark.parametrize("spec", [SMALL, TWICE, GREYLY])
def test_untrained_it_changes_nothing(spec: MotionUNetSpec) -> None:
    x = torch.rand(2, 3, 48, 80)
    assert torch.equal(spec.build()(x), x)


@pytest.mark.parametrize("spec", [SMALL, TWICE, GREYLY])
def test_a_flat_picture_has_a_spectrum_too(spec: MotionUNetSpec) -> None:
    assert torch.isfinite(trained(spec)(torch.full((1, 3, 128, 128), 0.5))).all()


@pytest.mark.parametrize("spec", [SMALL, TWICE, GREYLY])
def test_what_comes_before_can_learn_through_it(spec: MotionUNetSpec) -> None:
    """A translator learns by what becomes of its picture here."""
    network = trained(spec).double()
    torch.manual_seed(1)
    x = torch.rand(1, 3, 64, 64, dtype=torch.float64).requires_grad_()
    step = 1e-6 * torch.rand_like(x)

    def correction(x: torch.Tensor) -> torch.Tensor:
        return (network(x) - x).sum()

    correction(x).backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    with torch.no_grad():
        change = (correction(x + step) - correction(x - step)) / 2
    torch.testing.assert_close(change, (x.grad * step).sum(), rtol=1e-3, atol=0.0)


def test_a_second_look_learns_and_the_first_one_stays() -> None:
    network = trained(TWICE)
    x = torch.rand(1, 3, 64, 64)
    restored, log_motion = network.restore(x)
    (restored.mean() - log_motion.mean()).backward()  # type: ignore[no-untyped-call]
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == name.startswith("second."), name
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("spec", [SMALL, TWICE, GREYLY])
def test_motion_is_a_distribution_and_can_be_told(spec: MotionUNetSpec) -> None:
    network = trained(spec)
    x = torch.rand(2, 3, 64, 96)
    restored, log_motion = network.restore(x)
    assert log_motion.shape == (2, 27 * 27, 4, 6)
    assert torch.allclose(log_motion.exp().sum(dim=1), torch.ones(2, 4, 6), atol=1e-5)
    told = torch.zeros_like(log_motion)
    told[:, 3] = 1.0
    steered, _ = network.restore(x, told, torch.tensor([True, False]))
    assert not torch.equal(steered[0], restored[0])
    assert torch.equal(steered[1], restored[1])


def test_what_is_read_further_apart_is_told_to_the_cells_around_it() -> None:
    """A statement that grows with the place, by its pixels, is read there in every cell."""
    network = GREYLY.build()
    nn.init.zeros_(network.motion.weight)
    assert network.motion.bias is not None
    nn.init.zeros_(network.motion.bias)
    assert network.trust.bias is not None
    network.trust.bias.data[:] = torch.tensor([1.0, 0.0])
    near = torch.zeros(1, 27 * 27, 3, 4)
    near[:, 0] = 96 + 64 * torch.arange(4)
    mixed, everywhere = torch.zeros(1, 16, 20, 23), torch.zeros(1, 27 * 27, 1, 1)
    log_motion = network.log_motion(mixed, near, everywhere)
    told = (log_motion[:, 0] - log_motion[:, 1])[0, :, 6:18]
    torch.testing.assert_close(told, (8.0 + 16 * torch.arange(6, 18)).expand(20, -1))


def test_gate_begins_open_and_is_bounded() -> None:
    block = GatedBlock(4)
    x = torch.rand(1, 4, 8, 8)
    plain = block.body(x)
    assert torch.allclose(block(x), x + plain)
    torch.nn.init.constant_(block.gate.weight, 1e6)
    doubled = block.body[2](2 * block.body[1](block.body[0](x)))
    assert torch.allclose(block(x), x + doubled)


def test_specification_survives_json() -> None:
    assert read_specification(TWICE.to_json()) == TWICE
    old = {key: value for key, value in SMALL.to_json().items() if key != "looks"}
    assert read_specification(old) == SMALL, "cards from before there was a second look"
    with pytest.raises(ValueError, match="looks"):
        replace(SMALL, looks=3)
    with pytest.raises(ValueError, match="filtered"):
        replace(SMALL, filtered=2)
    with pytest.raises(ValueError, match="window_stride"):
        replace(SMALL, window_stride=48)
    with pytest.raises(ValueError, match="three numbers"):
        MotionUNetSpec(encoder_blocks=(1, 1), decoder_blocks=(1,))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "made"
    weights = trained(GREYLY).state_dict()
    export_deblurrer(folder, name="made", network=GREYLY, weights=weights, card={})
    return folder


@pytest.mark.parametrize("size", [(96, 160), (200, 264)])
def test_exported_graph_gives_what_the_module_gives(size: tuple[int, int], exported: Path) -> None:
    profile = load_profile(str(exported))
    engine = OpenVINOEngine(profile, EngineShape(height=size[0], width=size[1], max_batch=2), "f32")
    frames = np.concatenate([fixed_frames(*size)[:2]])
    network = trained(GREYLY)
    network.load_state_dict(
        {key: value.half().float() for key, value in network.state_dict().items()}
    )
    fused = FusedDeblur(torch.nn.Identity(), network, GREYLY.multiple).eval()
    with torch.inference_mode():
        expected = fused(torch.from_numpy(frames)).numpy()
    assert np.abs(engine(frames).astype(int) - expected).max() <= 1
