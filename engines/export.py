"""Make a profile folder of trained networks. Needs torch, onnx and onnxscript (extra ``train``)."""

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save

from engines.errors import ProfileError
from engines.files import sha256_of, write_folder_atomically
from engines.fused import FusedDeblur
from engines.networks import NetworkSpec, build_network
from engines.networks.idle import leave_out_idle
from engines.profile import CARD, FORMAT, GOLDEN, GRAPH, LEFT_BELOW, WEIGHTS
from engines.selfcheck import fixed_frames

_GOLDEN_SIZE = (96, 128)


def export_profile(
    folder: Path,
    *,
    name: str,
    translator: Mapping[str, Any],
    deblurrer: Mapping[str, Any],
    multiple: int,
    weights: Mapping[str, torch.Tensor],
    card: Mapping[str, Any],
    left_below: float = LEFT_BELOW,
) -> None:
    """Write a profile, complete or not at all; one of that name is replaced.

    Args:
        translator, deblurrer: architectures, as :func:`build_network` reads them.
        multiple: what the networks need height and width to be a multiple of, in pixels.
        weights: tensors ``translator.*`` and ``deblurrer.*``; stored in fp16.
        card: further facts for the card: data, recipe, figures.
        left_below: as of :func:`engines.fused.keep_still`.

    Raises:
        ProfileError: the weights do not fit the architectures or are not finite.
        OSError: the folder above is read-only or full; nothing is left behind.
    """
    halves = {k: v.detach().half().contiguous() for k, v in weights.items()}
    for key, tensor in halves.items():
        if not torch.isfinite(tensor).all():
            raise ProfileError(f"weights {key} are not finite in fp16; nothing was written")
    networks = build_network(translator), build_network(deblurrer)
    fused = FusedDeblur(*networks, multiple, left_below)
    try:
        fused.load_state_dict({k: v.float() for k, v in halves.items()})
    except RuntimeError as error:
        raise ProfileError(f"the weights do not fit the architectures: {error}") from error
    leave_out_idle(fused)
    fused.eval()

    def fill(draft: Path) -> None:
        (draft / WEIGHTS).write_bytes(save(halves))  # what save_file raises is no OSError
        _write_graph(fused, draft / GRAPH)
        frames = fixed_frames(*_GOLDEN_SIZE)
        with torch.inference_mode():
            deblurred = fused(torch.from_numpy(frames)).numpy()
        np.savez_compressed(draft / GOLDEN, frames=frames, deblurred=deblurred)
        complete = {
            "format": FORMAT,
            "name": name,
            "translator": dict(translator),
            "deblurrer": dict(deblurrer),
            "multiple": multiple,
            "left_below": left_below,
            **card,
            "sha256": {file: sha256_of(draft / file) for file in (WEIGHTS, GRAPH, GOLDEN)},
        }
        (draft / CARD).write_text(json.dumps(complete, indent=2) + "\n", encoding="utf-8")

    write_folder_atomically(folder, fill, known_by=CARD)


def export_deblurrer(
    folder: Path,
    *,
    name: str,
    network: NetworkSpec,
    weights: Mapping[str, torch.Tensor],
    card: Mapping[str, Any],
    left_below: float = LEFT_BELOW,
) -> None:
    """Write a profile without a translator: a deblurrer as it is, its tensors under its own names.

    Raises:
        ProfileError: as :func:`export_profile`.
    """
    export_profile(
        folder,
        name=name,
        translator={"architecture": "identity"},
        deblurrer=network.to_json(),
        multiple=network.multiple,
        weights={f"deblurrer.{key}": value for key, value in weights.items()},
        card=card,
        left_below=left_below,
    )


def _write_graph(fused: FusedDeblur, path: Path) -> None:
    """ONNX of any batch, height and width, its weights in fp16 like the profile's."""
    dynamic = torch.export.Dim.DYNAMIC
    example = torch.zeros(2, 101, 203, 3, dtype=torch.uint8)  # 0 and 1 would be taken as constants
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            fused,
            (example,),
            dynamo=True,
            dynamic_shapes=({0: dynamic, 1: dynamic, 2: dynamic},),
            input_names=["frames"],
            output_names=["deblurred"],
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _store_weights_in_fp16(model)
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    onnx.save(model, path)


def _store_weights_in_fp16(model: onnx.ModelProto) -> None:
    """Halve the file: each weight becomes fp16 behind a Cast, which backends fold away.

    Weights are fp16 already, by value; what is not, such as a Fourier transform's waves, stays.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or not tensor.dims:
            continue
        name = tensor.name
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if not np.array_equal(half, values):
            continue
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_fp16"))
        casts.append(helper.make_node("Cast", [f"{name}_fp16"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
