from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from engines.engine import EngineShape
from engines.export import export_deblurrer
from engines.idle_channels import heard
from engines.networks import PlainUNet, PlainUNetSpec
from engines.networks.gated_block import GatedBlock
from engines.networks.idle import leave_out_idle
from engines.networks.motion_unet import MotionUNet, MotionUNetSpec
from engines.networks.plain_unet import ResidualBlock
from engines.openvino import OpenVINOEngine
from engines.profile import GRAPH, load_profile
from engines.profile_archive import export_archive, import_archive
from engines.selfcheck import fixed_frames
from engines.torch import TorchEngine

WIDE = PlainUNetSpec(width=32, encoder_blocks=(2,), decoder_blocks=())


def fall_asleep(block: nn.Module, channels: slice) -> None:
    assert isinstance(block, ResidualBlock)
    block.body.get_parameter("2.weight").data[:, channels] = 0.0


def sleepy() -> PlainUNet:
    """Of its two blocks of 32 channels the first listens to 12, the second to none."""
    torch.manual_seed(0)
    network = PlainUNet(WIDE)
    nn.init.normal_(network.head.get_parameter("0.weight"), 0, 0.05)
    level = network.encoders[0]
    assert isinstance(level, nn.Sequential)
    first, second = level
    fall_asleep(first, slice(5, 25))
    fall_asleep(second, slice(None))
    nn.init.normal_(second.get_parameter("body.2.bias"), 0, 0.5)
    return network


@pytest.mark.parametrize(("listened", "computed"), [(0, 0), (1, 16), (16, 16), (17, 32), (40, 40)])
def test_channels_are_computed_in_sixteens(listened: int, computed: int) -> None:
    weights = np.zeros((3, 40, 3, 3), np.float32)
    weights[1, 40 - listened :, 0, 2] = 1.0
    kept = heard(np.abs(weights).max(axis=(0, 2, 3)))
    assert len(kept) == computed
    assert set(range(40 - listened, 40)) <= set(kept)
    assert list(kept) == sorted(set(kept))


def test_what_is_left_computes_the_same() -> None:
    network = sleepy()
    narrower = deepcopy(network)
    leave_out_idle(narrower)
    x = torch.rand(2, 3, 16, 24)
    assert torch.allclose(narrower(x), network(x), atol=1e-6)
    shapes = {name: tuple(tensor.shape) for name, tensor in narrower.encoders.named_parameters()}
    assert shapes["0.0.body.0.weight"] == (16, 32, 3, 3)
    assert shapes["0.0.body.2.weight"] == (32, 16, 3, 3)
    assert {name: s for name, s in shapes.items() if name.startswith("0.1.")} == {"0.1.bias": (32,)}


def test_gates_are_left_out_with_their_channels() -> None:
    torch.manual_seed(0)
    block = GatedBlock(32)
    nn.init.normal_(block.gate.weight)
    nn.init.normal_(block.body.get_parameter("2.weight"))
    fall_asleep(block, slice(3, 30))
    network = nn.Sequential(deepcopy(block))
    leave_out_idle(network)
    x = torch.rand(1, 32, 6, 7)
    assert torch.allclose(network(x), block(x), atol=1e-5)
    assert network.get_parameter("0.gate.weight").shape == (16, 32, 1, 1)


@pytest.mark.parametrize("looks", [1, 2])
def test_what_looks_for_motion_is_narrowed_too(looks: int) -> None:
    torch.manual_seed(0)
    spec = MotionUNetSpec(
        width=4,
        encoder_blocks=(1, 1, 1),
        decoder_blocks=(1, 1),
        hidden=32,
        looks=looks,
        filtered=1,
    )
    network = MotionUNet(spec)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    look = network.second if network.second is not None else network
    assert look.undo is not None
    layers: list[tuple[nn.Module, slice]] = [
        *((part.motion, slice(16)) for part in {network, look}),
        *((part.trust, slice(16)) for part in {network, look}),
        *((layer, slice(12, 32)) for layer in (*look.steer, look.undo.noise)),
        (network.mix, slice(5, 32)),
        (network.mix, slice(32 + 5, 64)),
    ]
    for layer, asleep in layers:
        layer.get_parameter("weight").data[:, asleep] = 0.0
    narrower = deepcopy(network)
    leave_out_idle(narrower)
    x = torch.rand(1, 3, 64, 64)
    assert torch.allclose(narrower(x), network(x), atol=1e-4)
    assert (network(x) - x).abs().mean() > 1e-2, "the network does something"
    second = "second." if looks == 2 else ""
    shapes = {name: tuple(tensor.shape[:2]) for name, tensor in narrower.named_parameters()}
    assert shapes["local.weight"] == (16, 16)
    assert shapes["mix.weight"] == (16, 32)
    assert shapes[f"{second}motion.weight"] == (27 * 27, 16)
    assert shapes[f"{second}grasp.0.weight"] == (16, 27 * 27)
    assert shapes[f"{second}undo.noise.weight"][1] == 16


def test_profiles_keep_all_weights_and_compute_fewer(tmp_path: Path) -> None:
    network = sleepy()
    made = tmp_path / "sleepy"
    export_deblurrer(
        made, name="sleepy", network=WIDE, weights=network.state_dict(), card={"about": ""}
    )
    profile = load_profile(str(made))
    assert profile.weights["deblurrer.encoders.0.0.body.0.weight"].shape == (32, 32, 3, 3)
    shapes = [tuple(tensor.dims) for tensor in onnx.load(made / GRAPH).graph.initializer]
    assert (16, 32, 3, 3) in shapes
    assert (32, 32, 3, 3) not in shapes
    shape = EngineShape(height=40, width=56)
    frame = fixed_frames(40, 56)[:1]
    by_graph, by_weights = (
        engine(profile, shape, "f32")(frame).astype(int) for engine in (OpenVINOEngine, TorchEngine)
    )
    assert np.abs(by_graph - by_weights).max() <= 1
    assert np.abs(by_weights - frame).mean() > 1
    export_archive(profile, tmp_path / "sleepy.zip")
    import_archive(tmp_path / "sleepy.zip", tmp_path / "profiles", "sleepy")
