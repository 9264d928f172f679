"""The OpenVINO backend: the default on a CPU."""

import io
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from engines.cache import EngineCache
from engines.engine import EngineFacts, EngineShape, Precision, check_frames
from engines.errors import EngineError
from engines.processor import processor
from engines.profile import Profile
from engines.selfcheck import fixed_frames

# `import openvino` reports its own use to its maker unless the package that does so is absent.
# Nothing that this program does leaves the machine.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402

from engines.quantization import QUANTIZATION, Ranges, find_ranges, quantize  # noqa: E402

_RANGED_SIZE = 256, 256
"""Of the frames on which the ranges of layers are found, whatever size the engine is for."""


@cache
def _core() -> ov.Core:
    """The one core of this process, never released.

    The CPU plugin gives the thread that loads it an alternate signal stack. Where two cores go in
    the order in which they came, the thread is left with the freed stack of the first, and the next
    signal ends the process (seen with OpenVINO 2026.4; the code is of openvino pull request 11894).
    """
    return ov.Core()


def graph_constants(graph: Path) -> dict[str, NDArray[Any]]:
    """What an exported graph holds, by name.

    Raises:
        EngineError: OpenVINO cannot read it.
    """
    try:
        model = _core().read_model(graph)
    except RuntimeError as error:
        raise EngineError(f"OpenVINO cannot read {graph}: {error}") from error
    constants = (o for o in model.get_ops() if o.get_type_name() == "Constant")
    return {constant.get_friendly_name(): np.array(constant.data) for constant in constants}


class OpenVINOEngine:
    """A profile compiled for one frame size and precision.

    One compiled model a batch size: a batch that is padded to a fixed size would cost a CPU the
    full time. All are made here, so that no frame ever waits for a compilation. One inference is
    in flight, with the latency hint. In ``i8`` the layers that take the time multiply integers
    (:mod:`engines.quantization`), and the others the numbers that the processor is fastest with.

    Args:
        cache: folder of kept engines; None keeps none.
        say: takes a line for the user when something takes long or goes unexpectedly.

    Raises:
        EngineError: OpenVINO cannot read or compile the graph, or computes in another precision.
    """

    def __init__(
        self,
        profile: Profile,
        shape: EngineShape,
        precision: Precision,
        *,
        cache: Path | None = None,
        say: Callable[[str], None] = lambda line: None,
        device: str = "CPU",
    ) -> None:
        self._profile = profile
        self._shape = shape
        self._precision: Precision = precision
        self._cache = EngineCache(cache, say)
        self._announce = say if cache is not None else lambda line: None
        self._device = device
        self._core = _core()
        if not sees(device):
            raise EngineError(f"OpenVINO sees no {device} here, only {', '.join(device_names())}")
        try:
            self._requests = {
                batch: self._compiled(batch).create_infer_request()
                for batch in range(1, shape.max_batch + 1)
            }
        except (RuntimeError, OSError) as error:
            raise EngineError(
                f"OpenVINO cannot compile {profile.graph} for {device} in {precision}: {error}"
            ) from error

    @cached_property
    def facts(self) -> EngineFacts:
        return EngineFacts(
            backend="openvino",
            device=f"{self._device} ({_full_name(self._device)})",
            precision=self._precision,
            profile=self._profile.name,
            shape=self._shape,
        )

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        check_frames(frames, self._shape)
        deblurred = np.empty(frames.shape, np.uint8)
        request = self._requests[len(frames)]
        try:
            request.get_input_tensor().data[:] = frames
            request.set_output_tensor(ov.Tensor(deblurred, shared_memory=True))
            request.infer()
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed on {self._device}: {error}") from error
        return deblurred

    def _compiled(self, batch: int) -> "ov.CompiledModel":
        key = self._key(batch)
        kept = self._cache.load(key, self._read)
        if kept is not None:
            return kept
        size = f"{self._shape.width}x{self._shape.height}"
        self._announce(f"compiling the engine for {size}, once; this may take a minute")
        self._announce = lambda line: None  # one line for all batch sizes
        start = time.monotonic()
        model = self._model()
        if self._precision == "i8":
            quantize(model, self._ranges)
        model.reshape([batch, self._shape.height, self._shape.width, 3])
        compiled = self._core.compile_model(model, self._device, self._settings())
        self._check_precision(compiled)
        self._cache.keep(
            key,
            lambda file: file.write_bytes(compiled.export_model().read()),
            build_s=time.monotonic() - start,
        )
        return compiled

    def _model(self) -> "ov.Model":
        model = self._core.read_model(self._profile.graph)
        _check_graph(model, self._profile)
        return model

    @cached_property
    def _ranges(self) -> Ranges:
        ranges = find_ranges(self._core, self._model(), fixed_frames(*_RANGED_SIZE))
        if not ranges:
            raise EngineError(f"profile {self._profile.name} has no layers to compute in i8")
        return ranges

    def _read(self, file: Path) -> "ov.CompiledModel":
        compiled = self._core.import_model(
            io.BytesIO(file.read_bytes()), self._device, self._settings()
        )
        self._check_precision(compiled)
        return compiled

    def _check_precision(self, compiled: "ov.CompiledModel") -> None:
        """A processor without the units for a precision computes in f32, without a word.

        Raises:
            EngineError: that, or the like on another device.
        """
        if self._precision == "i8":  # of which the hint, on the other layers, says nothing
            return
        with suppress(RuntimeError):  # not every device tells
            computes = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
            if computes in get_args(Precision) and computes != self._precision:
                raise EngineError(
                    f"OpenVINO computes in {computes} on this {self._device}, not in "
                    f"{self._precision}; say --precision {computes}, or leave it out"
                )

    def _settings(self) -> dict[str, Any]:
        floats = processor().fastest_precision if self._precision == "i8" else self._precision
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_PRECISION_HINT": floats,
            "EXECUTION_MODE_HINT": "ACCURACY" if self._precision == "f32" else "PERFORMANCE",
        }

    def _key(self, batch: int) -> dict[str, Any]:
        """Everything that decides whether a compiled model may be used again."""
        quantized = {"quantization": QUANTIZATION} if self._precision == "i8" else {}
        return {
            **quantized,
            "backend": "openvino",
            "profile": self._profile.name,
            "graph": self._profile.graph_sha256,
            "batch": batch,
            "height": self._shape.height,
            "width": self._shape.width,
            "precision": self._precision,
            "settings": self._settings(),
            "version": ov.get_version(),
            "device": _full_name(self._device),
            "capabilities": _capabilities(self._device),
            "threads": os.cpu_count(),
        }


@cache
def device_names() -> tuple[str, ...]:
    """The devices that OpenVINO sees, such as CPU, GPU, GPU.1, NPU; asked for once.

    Each time it is asked it tries again to load the plugins that could not be loaded, as that of
    its GPUs where there is no OpenCL. While glibc 2.36 gives up a library that has variables of a
    thread's own, a thread that begins elsewhere can end the process ("Inconsistency detected by
    ld.so", where the count of such libraries just fills a table).
    """
    return tuple(_core().available_devices)


def sees(device: str) -> bool:
    """Whether OpenVINO sees such a device: GPU also where there are several, as GPU.0 and GPU.1."""
    return device.split(".")[0] in {name.split(".")[0] for name in device_names()}


def devices() -> list[str]:
    """The devices that OpenVINO sees, with their names and precisions, a line each."""
    version = ov.get_version().split("-")[0]
    return [
        f"{version}, {device}: {_full_name(device)} ({' '.join(_capabilities(device))})"
        for device in device_names()
    ]


def _full_name(device: str) -> str:
    return str(_core().get_property(device, "FULL_DEVICE_NAME")).strip()


def _capabilities(device: str) -> list[str]:
    return list(_core().get_property(device, "OPTIMIZATION_CAPABILITIES"))


def _check_graph(model: "ov.Model", profile: Profile) -> None:
    fits = len(model.inputs) == 1 and len(model.outputs) == 1
    for port in (*model.inputs, *model.outputs):
        shape = port.get_partial_shape()
        fits = fits and port.get_element_type() == ov.Type.u8 and shape.rank == ov.Dimension(4)
    if not fits:
        raise EngineError(f"{profile.graph} is not a graph of uint8 (N, H, W, 3) to the same")
