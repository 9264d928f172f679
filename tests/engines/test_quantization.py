import platform
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as ops
import pytest
from numpy.typing import NDArray

from engines.engine import EngineShape
from engines.errors import EngineError
from engines.export import export_deblurrer
from engines.networks import PlainUNetSpec
from engines.openvino import OpenVINOEngine
from engines.profile import GRAPH, Profile, load_profile
from engines.quantization import find_ranges, quantize, weight_steps, with_exact_zero
from engines.selection import Candidate, survey
from engines.selfcheck import fixed_frames, psnr_db
from tests.conftest import discs
from tests.engines.conftest import SPEC, export_both, trained

SHAPE = EngineShape(height=192, width=256, max_batch=2)
on_x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="integers are computed elsewhere on ARM"
)


@pytest.fixture(scope="module")
def by_integers(balanced: Profile) -> OpenVINOEngine:
    return OpenVINOEngine(balanced, SHAPE, "i8")


@pytest.fixture(scope="module")
def by_floats(balanced: Profile) -> OpenVINOEngine:
    return OpenVINOEngine(balanced, SHAPE, "f32")


@on_x86
def test_layers_that_take_long_multiply_integers(by_integers: OpenVINOEngine) -> None:
    compiled = by_integers._requests[1].get_compiled_model()
    convolutions = [
        node.get_rt_info()["runtimePrecision"].astype(str)
        for node in compiled.get_runtime_model().get_ops()
        if node.get_rt_info()["layerType"].astype(str) == "Convolution"
    ]
    integers = [precision for precision in convolutions if precision in ("u8", "i8")]
    assert len(integers) > 0.5 * len(convolutions)
    assert "f32" in convolutions, "the ends, and what reads spectra"


def test_integers_come_close_to_floats(
    by_integers: OpenVINOEngine, by_floats: OpenVINOEngine
) -> None:
    frames = fixed_frames(SHAPE.height, SHAPE.width)
    assert psnr_db(by_integers(frames), by_floats(frames)) > 35
    assert by_integers.facts.precision == "i8"


def test_no_product_is_cut_off_where_contrast_is_highest(
    by_integers: OpenVINOEngine, by_floats: OpenVINOEngine
) -> None:
    """Two products of 8 bit are added in 16 where a processor has no VNNI."""
    frame = discs(3, SHAPE.width)[: SHAPE.height]
    hard = np.where(frame.mean(axis=2, keepdims=True) > 128, 255, 0).astype(np.uint8)
    hard = np.repeat(hard, 3, axis=2)[None]
    assert psnr_db(by_integers(hard), by_floats(hard)) > 35


@pytest.mark.parametrize(("low", "high"), [(-1.7, 1.6), (0.0, 5.0), (-0.001, 30.0), (0.0, 0.0)])
def test_ranges_hit_zero_and_lose_nothing(low: float, high: float) -> None:
    below, above = with_exact_zero(low, high)
    assert below <= low
    assert above >= high
    step = (above - below) / 255
    assert below / step == pytest.approx(round(below / step), abs=1e-6)
    assert above - below < 1.02 * max(high - low, 1e-6)


def test_weights_are_rounded_by_the_steps_that_lose_least() -> None:
    weights = np.random.default_rng(0).normal(size=(8, 16, 3, 3)).astype(np.float32)
    weights[0] = 0.0
    weights[1] = 0.0
    weights[1, 0, 0, 0] = 0.5  # there is nothing to gain by cutting this one off
    steps = weight_steps(weights)
    assert steps.shape == (8, 1, 1, 1)
    assert (steps > 0).all()
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    assert steps[1] == pytest.approx(largest[1] / 63)

    def error(steps: NDArray[np.float32]) -> NDArray[np.float32]:
        rounded = np.round(weights / steps).clip(-63, 63) * steps
        return np.asarray(((rounded - weights) ** 2).sum(axis=(1, 2, 3)))

    by_largest = error((largest / 63).clip(1e-6))
    assert (error(steps) <= by_largest + 1e-6).all()
    assert (error(steps)[2:] < 0.97 * by_largest[2:]).any()


def test_wide_layers_of_a_deblurrer_stay_floats_behind_a_translator(tmp_path: Path) -> None:
    deblurrer = PlainUNetSpec(width=32, encoder_blocks=(1, 1), decoder_blocks=(1,))
    translator = PlainUNetSpec(width=16, encoder_blocks=(1, 1), decoder_blocks=(1,))
    made = export_both(tmp_path / "mycam", translator, deblurrer)
    core = ov.Core()
    ranges = find_ranges(core, core.read_model(made / GRAPH), fixed_frames(64, 64))
    weights = {
        node.input_value(1).get_node().input_value(0).get_node().get_friendly_name()
        for node in core.read_model(made / GRAPH).get_ordered_ops()
        if node.get_friendly_name() in ranges
    }
    weights = {name.removesuffix("_fp16") for name in weights}
    assert "translator.encoders.0.0.body.0.weight" in weights
    assert "deblurrer.encoders.1.0.body.0.weight" in weights
    assert "deblurrer.encoders.0.0.body.0.weight" not in weights


@pytest.mark.parametrize(("layer", "by_integers"), [("mix", False), ("local", True)])
def test_what_mixes_features_for_motion_stays_in_floats_however_narrow(
    layer: str, by_integers: bool
) -> None:
    """Without its idle channels it has no more than the layers that take long."""
    weights = ops.constant(np.full((16, 32, 1, 1), 0.1, np.float16))
    weights.set_friendly_name(f"deblurrer.{layer}.weight_fp16")
    fixed = np.arange(2048).reshape(1, 8, 8, 32).astype(np.uint8)
    frames = ops.parameter([1, 8, 8, 32], np.uint8)
    picture = ops.transpose(ops.convert(frames, "f32"), np.array([0, 3, 1, 2]))
    convolution = ops.convolution(
        picture, ops.convert(weights, "f32"), [1, 1], [0, 0], [0, 0], [1, 1]
    )
    ranges = find_ranges(ov.Core(), ov.Model([convolution], [frames]), fixed)
    assert bool(ranges) == by_integers


def test_layer_that_is_silent_on_the_frames_stays_in_floats(balanced: Profile) -> None:
    """Its range is not known: of 0 to 1e-6 it would have been silent on every picture."""
    core = ov.Core()
    frames = fixed_frames(64, 64)
    model = core.read_model(balanced.graph)
    some = find_ranges(core, model, frames)
    first = next(iter(some))
    ranges = {name: reach for name, reach in some.items() if name != first}
    quantize(model, ranges)
    by_name = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    kinds = {name: by_name[name].input_value(0).get_node().get_type_name() for name in some}
    assert {name for name, kind in kinds.items() if kind == "FakeQuantize"} == set(ranges)
    assert all(high - low > 1e-2 for low, high in some.values())


def test_network_without_such_layers_is_refused(tmp_path: Path) -> None:
    made = tmp_path / "narrow"
    weights = {
        name.removeprefix("deblurrer."): tensor
        for name, tensor in trained(SPEC, "deblurrer").items()
    }
    narrow = PlainUNetSpec(width=4, encoder_blocks=(1, 1), decoder_blocks=(1,))
    export_deblurrer(made, name="narrow", network=narrow, weights=weights, card={})
    with pytest.raises(EngineError, match="narrow has no layers to compute in i8"):
        OpenVINOEngine(load_profile(str(made)), SHAPE, "i8")


def test_integers_are_the_processors_alone() -> None:
    found = survey("auto", "i8")
    assert found.candidates == (Candidate("openvino", "i8"),)
    assert "torch on cpu" in {absence.engine for absence in found.absent}
