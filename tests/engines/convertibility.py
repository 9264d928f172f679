"""Which operators of the exported networks torch-tensorrt has converters for, asked of the library.

Run by itself, with the folder of an unpacked torch-tensorrt wheel without its compiled libraries:

    python tests/engines/convertibility.py FOLDER NETWORK:BATCH …

The library wants TensorRT and a GPU when it is imported. Neither is here, so modules of those names
stand in that hold nothing; lowering and the registry of converters are the real ones. It shows that
every operator has a converter that takes it as it is. It does not show that TensorRT builds the
network, nor what it computes, nor how fast.
"""

import json
import sys
from collections import Counter
from dataclasses import replace
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

FEWER: dict[str, dict[str, Any]] = {
    "nafnet16": {"encoder_blocks": (1, 1, 1, 2)},
    "mimo-unet": {"blocks": 2},
}
"""Published networks repeat a block up to 28 times; of what is repeated two are looked at."""


class Nothing(type):
    """A class whose every attribute is such a class: enough for annotations and base classes."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(cls, name, nothing(name))
        return cls.__dict__[name]


def nothing(name: str) -> Nothing:
    return Nothing(name, (object,), {"__init__": lambda self, *_, **__: None})


class StandIn(ModuleType):
    __path__: list[str] = []  # noqa: RUF012
    __version__ = "11.0.0"

    def __init__(self, name: str, **attributes: object) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)
        self.__spec__.submodule_search_locations = []
        vars(self).update(attributes)
        sys.modules[name] = self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, nothing(name))
        return vars(self)[name]


def import_library(folder: str) -> None:
    """Import torch_tensorrt from the folder, with stand-ins for what is not on this machine."""
    import torch

    tensorrt = StandIn("tensorrt", _package_name="tensorrt")
    vars(tensorrt)["tensorrt"] = tensorrt
    StandIn("dllist", dllist=list)
    StandIn("psutil")
    StandIn("torch_tensorrt._TensorRTProxyModule", package_name="tensorrt")
    torch.cuda.get_device_capability = lambda *_: (8, 6)  # type: ignore[assignment]
    torch.cuda.current_device = lambda: 0
    if not hasattr(torch._C, "_CudaDeviceProperties"):
        torch._C._CudaDeviceProperties = object  # type: ignore[attr-defined, misc]
    sys.path.insert(0, folder)
    import torch_tensorrt  # noqa: F401


def operators(network: str, max_batch: int) -> dict[str, Any]:
    """How many operators of the lowered graph have a converter, and those that have none."""
    import torch
    from torch_tensorrt.dynamo._settings import CompilationSettings
    from torch_tensorrt.dynamo.conversion._ConverterRegistry import DYNAMO_CONVERTERS
    from torch_tensorrt.dynamo.lowering import (
        get_decompositions,
        post_lowering,
        pre_export_lowering,
    )

    from engines.engine import EngineShape
    from engines.fused import FusedDeblur
    from engines.networks import named_specification
    from engines.profile import load_profile, profile_names
    from engines.tensorrt import Levels, exported
    from engines.torch import fused_from_profile

    if network in profile_names():
        fused = fused_from_profile(load_profile(network))
    else:
        specification: Any = replace(cast(Any, named_specification(network)), **FEWER[network])
        fused = FusedDeblur(torch.nn.Identity(), specification.build(), specification.multiple)
    fused.eval().to(torch.bfloat16)
    settings = CompilationSettings(min_block_size=1, require_full_compilation=True)
    shape = EngineShape(height=96, width=128, max_batch=max_batch)
    program = pre_export_lowering(exported(Levels(fused), shape, torch.device("cpu")), settings)
    program = program.run_decompositions(get_decompositions(False, False, False))
    graph = post_lowering(program.module(), settings).graph
    DYNAMO_CONVERTERS.set_compilation_settings(settings)
    calls = [node for node in graph.nodes if node.op == "call_function"]
    missing = Counter(str(node.target) for node in calls if node not in DYNAMO_CONVERTERS)
    return {
        "network": network,
        "max_batch": max_batch,
        "operators": len(calls),
        "convolutions": sum("convolution" in str(node.target) for node in calls),
        "without_converter": dict(missing),
    }


if __name__ == "__main__":
    folder, *wanted = sys.argv[1:]
    import_library(folder)
    pairs = [pair.split(":") for pair in wanted]
    print(json.dumps([operators(network, int(batch)) for network, batch in pairs]))
