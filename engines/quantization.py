"""A graph whose convolutions multiply 8-bit integers, for processors without short floats.

Post-training quantization (Jacob et al., "Quantization and training of neural networks for
efficient integer-arithmetic-only inference", CVPR 2018): what goes into a convolution is rounded to
256 steps, its weights to 127 steps for each output channel, whose largest may be cut off. OpenVINO
computes in integers what stands between such operations. In floats stays what is sensitive and
quick: wide layers before the first that halves the picture, the last layer, sums of blocks, and all
that reads spectra and filters by them.

How far a layer's input reaches is seen on the frames of the self-check, so that no photographs need
to be at hand. Photographs go farther in a third of the layers, and are cut off there; with ranges
of seven more scenes, sharp and shaken, dark and glaring, `balanced` came out no nearer to floats
(50.5 dB on shaken photographs, 50.6 without). What is silent on the frames stays in floats.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from numpy.typing import NDArray

QUANTIZATION = 3
"""Counts the ways of doing this; engines of another one are built again."""
_LEAST_CHANNELS, _MOST_CHANNELS = 16, 256
"""The trunk's layers: those before and behind it have fewer, those that look for motion more."""
_LOOKS_FOR_MOTION = ".mix.weight"
"""One of them that may have as few, where idle channels are left out."""
_NARROW = 16
_SILENT = 1e-2
"""What reaches no farther on the frames may do so on a picture: its range is not known."""
_STEPS = 255
_WEIGHT_STEPS = 63
"""Either way. Of twice as many, processors without VNNI add two products beyond 16 bits, and cut
them off."""
_REACHES = np.linspace(0.7, 1.0, 13, dtype=np.float32)
"""Shares of a channel's largest weight that are looked at."""

Ranges = dict[str, tuple[float, float]]
"""Of convolutions, by name: the least and the largest number that goes in."""


def find_ranges(core: ov.Core, model: ov.Model, frames: NDArray[np.uint8]) -> Ranges:
    """How far the inputs of a graph's convolutions reach, but for those that are silent.

    Args:
        model: uint8 (N, H, W, 3) in; its shape is set.
        frames: uint8 (N, H, W, 3).
    """
    model.reshape([1, *frames.shape[1:]])
    convolutions = _to_quantize(model)
    axes = ops.constant(np.arange(4))
    ends = [
        reduced
        for convolution in convolutions
        for reduced in (
            ops.reduce_min(convolution.input_value(0), axes),
            ops.reduce_max(convolution.input_value(0), axes),
        )
    ]
    if not ends:
        return {}
    settings = {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"}
    request = core.compile_model(
        ov.Model(ends, model.get_parameters()), "CPU", settings
    ).create_infer_request()
    seen = []
    for frame in frames:
        found = request.infer([frame[None]])
        seen.append([float(found[i]) for i in range(len(ends))])
    pairs = np.array(seen).reshape(len(frames), len(convolutions), 2)
    least, most = pairs[..., 0].min(axis=0), pairs[..., 1].max(axis=0)
    return {
        convolution.get_friendly_name(): (float(low), float(high))
        for convolution, low, high in zip(convolutions, least, most, strict=True)
        if high - low > _SILENT
    }


def quantize(model: ov.Model, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Let its convolutions multiply integers, in place.

    Args:
        ranges: of the same graph, as :func:`find_ranges` gives them.
    """
    rounded: dict[tuple[str, int], ov.Output] = {}
    for convolution in _to_quantize(model):
        if convolution.get_friendly_name() not in ranges:
            continue
        source = convolution.input_value(0)
        place = source.get_node().get_friendly_name(), source.get_index()
        if place not in rounded:
            low, high = with_exact_zero(*ranges[convolution.get_friendly_name()])
            rounded[place] = _rounded(source, np.array(low), np.array(high), _STEPS + 1)
        convolution.input(0).replace_source_output(rounded[place])
        weights = _weights(convolution)
        assert weights is not None
        values = np.asarray(weights.data, np.float32)
        step = weight_steps(values)
        reach = step * (_STEPS // 2)
        within = values.clip(-_WEIGHT_STEPS * step, _WEIGHT_STEPS * step)
        constant = ops.constant(within).output(0)
        convolution.input(1).replace_source_output(_rounded(constant, -reach, reach, _STEPS))
    model.validate_nodes_and_infer_types()


def weight_steps(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The step of each output channel that weights are rounded by with the least squared error.

    To cut off the few largest lets all others be rounded more finely.

    Args:
        weights: (outputs, inputs, height, width).

    Returns:
        (outputs, 1, 1, 1), positive.
    """
    inner = (1, 2, 3)
    largest = np.abs(weights).max(axis=inner, keepdims=True).clip(1e-6)
    steps = [largest * share / _WEIGHT_STEPS for share in _REACHES]
    errors = [
        np.square(
            np.round(weights / step).clip(-_WEIGHT_STEPS, _WEIGHT_STEPS) * step - weights
        ).sum(axis=inner, keepdims=True)
        for step in steps
    ]
    best: NDArray[np.float32] = np.choose(np.argmin(errors, axis=0), steps)
    return best


def with_exact_zero(low: float, high: float) -> tuple[float, float]:
    """The smallest range around one whose 256 steps hit 0, which borders are filled up with."""
    low, high = min(low, 0.0), max(high, 1e-6)
    if low == 0.0:
        return low, high
    below = min(max(round(-low / (high - low) * _STEPS), 1), _STEPS - 1)
    step = max(-low / below, high / (_STEPS - below))
    return -below * step, (_STEPS - below) * step


def _rounded(
    values: ov.Output, low: NDArray[np.floating], high: NDArray[np.floating], steps: int
) -> ov.Output:
    ends = [ops.constant(np.asarray(end, np.float32)) for end in (low, high, low, high)]
    return ops.fake_quantize(values, *ends, steps).output(0)


def _to_quantize(model: ov.Model) -> Sequence[ov.Node]:
    """What takes long, but for wide layers before the first that halves the picture.

    Rounding there moves what is read of motion: of `quality` it cost 0.05 dB on shake and 0.2 on
    even things, for 3 % of the time. Layers of 16 channels showed nothing of the kind.
    """
    of_parts: dict[bool, list[ov.Node]] = {True: [], False: []}  # a translator has wide layers, too
    for node in model.get_ordered_ops():
        if (name := _takes_long(node)) is not None:
            of_parts[name.startswith("translator.")].append(node)
    chosen: list[ov.Node] = []
    for nodes in of_parts.values():
        leaps = (i for i, node in enumerate(nodes) if set(node.get_attributes()["strides"]) != {1})
        first = next(leaps, len(nodes))
        chosen += [n for n in nodes[:first] if n.get_output_partial_shape(0)[1] == _NARROW]
        chosen += nodes[first:]
    return chosen


def _takes_long(node: ov.Node) -> str | None:
    """The name of the weights of a convolution that does."""
    if node.get_type_name() != "Convolution" or (weights := _weights(node)) is None:
        return None
    outputs, inputs, height, width = weights.get_shape()
    few, many = min(outputs, inputs), max(outputs, inputs)
    if height != width or few < _LEAST_CHANNELS or many > _MOST_CHANNELS:
        return None
    name = str(weights.get_friendly_name())
    return None if _LOOKS_FOR_MOTION in name else name


def _weights(convolution: ov.Node) -> ov.Node | None:
    """What a convolution multiplies by: learned weights, which are stored in 16 bits; or None."""
    node = convolution.input_value(1).get_node()
    if node.get_type_name() != "Convert":
        return None
    constant = node.input_value(0).get_node()
    return constant if constant.get_type_name() == "Constant" else None
