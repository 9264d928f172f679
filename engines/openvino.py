"""The OpenVINO backend: the default on a CPU."""

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.engine import EngineFacts, EngineShape, Precision, check_frames
from engines.errors import EngineError
from engines.files import write_atomically
from engines.profile import Profile

# `import openvino` reports its own use to its maker unless the package that does so is absent.
# Nothing that this program does leaves the machine.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402


@cache
def _core() -> ov.Core:
    """The one core of this process, never released.

    The CPU plugin gives the thread that loads it an alternate signal stack. Where two cores go in
    the order in which they came, the thread is left with the freed stack of the first, and the next
    signal ends the process (seen with OpenVINO 2026.4; the code is of openvino pull request 11894).
    """
    return ov.Core()


class OpenVINOEngine:
    """A profile compiled for one frame size and precision.

    One compiled model a batch size: a batch that is padded to a fixed size would cost a CPU the
    full time. All are made here, so that no frame ever waits for a compilation. One inference is
    in flight, with the latency hint.

    Args:
        cache: folder for compiled blobs; None keeps none.
        say: takes a line for the user when something takes long or goes unexpectedly.

    Raises:
        EngineError: OpenVINO cannot read or compile the graph.
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
        self._cache = cache
        self._say = say
        self._device = device
        self._core = _core()
        if device.split(".")[0] not in self._core.available_devices:
            raise EngineError(
                f"OpenVINO sees no {device} here, only {', '.join(self._core.available_devices)}"
            )
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
        name = str(self._core.get_property(self._device, "FULL_DEVICE_NAME")).strip()
        return EngineFacts(
            backend="openvino",
            device=f"{self._device} ({name})",
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
        blob = self._blob(batch)
        if blob is not None and blob.is_file():
            try:
                return self._core.import_model(
                    io.BytesIO(blob.read_bytes()), self._device, self._settings()
                )
            except RuntimeError as error:
                first_line = str(error).strip().splitlines()[-1:]
                self._say(
                    f"cached engine {blob.name} does not load, building it again {first_line}"
                )
        model = self._core.read_model(self._profile.graph)
        _check_graph(model, self._profile)
        model.reshape([batch, self._shape.height, self._shape.width, 3])
        compiled = self._core.compile_model(model, self._device, self._settings())
        if blob is not None:
            self._store(compiled, blob)
        return compiled

    def _settings(self) -> dict[str, Any]:
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_PRECISION_HINT": self._precision,
            "EXECUTION_MODE_HINT": "ACCURACY" if self._precision == "f32" else "PERFORMANCE",
        }

    def _blob(self, batch: int) -> Path | None:
        """A name made of everything that decides whether a compiled model may be used again."""
        if self._cache is None:
            return None
        key = {
            "graph": self._profile.graph_sha256,
            "shape": [batch, self._shape.height, self._shape.width],
            "settings": self._settings(),
            "openvino": ov.get_version(),
            "device": str(self._core.get_property(self._device, "FULL_DEVICE_NAME")),
            "capabilities": self._core.get_property(self._device, "OPTIMIZATION_CAPABILITIES"),
            "threads": os.cpu_count(),
        }
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._cache / f"openvino-{digest[:32]}.blob"

    def _store(self, compiled: "ov.CompiledModel", blob: Path) -> None:
        content = compiled.export_model()
        try:
            blob.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(blob, lambda temporary: temporary.write_bytes(content.read()))
        except OSError as error:
            self._say(f"the compiled engine is not kept: {blob.parent}: {error.strerror}")


def devices() -> list[str]:
    """The devices that OpenVINO sees, with their names and precisions, a line each."""
    core = _core()
    lines = []
    for device in core.available_devices:
        name = str(core.get_property(device, "FULL_DEVICE_NAME")).strip()
        precisions = " ".join(core.get_property(device, "OPTIMIZATION_CAPABILITIES"))
        lines.append(f"{ov.get_version().split('-')[0]}, {device}: {name} ({precisions})")
    return lines


def _check_graph(model: "ov.Model", profile: Profile) -> None:
    fits = len(model.inputs) == 1 and len(model.outputs) == 1
    for port in (*model.inputs, *model.outputs):
        shape = port.get_partial_shape()
        fits = fits and port.get_element_type() == ov.Type.u8 and shape.rank == ov.Dimension(4)
    if not fits:
        raise EngineError(f"{profile.graph} is not a graph of uint8 (N, H, W, 3) to the same")
