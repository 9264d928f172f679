"""The Torch-TensorRT backend: the first choice on an NVIDIA GPU.

TensorRT is strongly typed: a network computes in the types of its weights and its casts, so the
precision is that of the fused module. The library's own engine cache is a folder of pickles in the
shared temporary folder, whose key knows neither weights nor GPU; it stays off, and engines are kept
by :mod:`engines.cache`.

Written against torch-tensorrt 2.13, whose sources the tests read; no GPU was at hand where it was
written (see the README for what has run).
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engines.accelerators import NvidiaGPU, nvidia_gpu, tensorrt_version
from engines.cache import EngineCache, Key, sharing_problem
from engines.device_runner import DeviceRunner
from engines.engine import EngineFacts, EngineShape, Precision, StageTimes, Ticket
from engines.errors import EngineError
from engines.fused import FusedDeblur
from engines.profile import Profile
from engines.torch import device_name, fused_on_device

_DEVICE = "cuda"
_TELL_EVERY_S = 15.0


class TensorRTEngine:
    """A profile compiled by TensorRT for one frame size and every batch up to the shape's.

    Args:
        cache: folder of kept engines; None keeps none.
        say: takes a line for the user when something takes long or goes unexpectedly.

    Raises:
        EngineError: there is no GPU, or TensorRT is not installed or cannot compile the profile.
        ProfileError: the weights do not fit the architectures on the card.
    """

    def __init__(
        self,
        profile: Profile,
        shape: EngineShape,
        precision: Precision,
        *,
        cache: Path | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        gpu = nvidia_gpu()
        library = load_library()
        kept = EngineCache(cache, say, suffix=".pt2")
        key = engine_key(profile, shape, precision, gpu, library_versions())
        program = kept.load(key, lambda file: library.load(str(file)).module())
        if program is None:
            start = time.monotonic()
            with _telling(f"building the TensorRT engine for {shape}, {precision}", say):
                program = build(library, profile, shape, precision, cache)
            kept.keep(
                key,
                lambda file: library.save(
                    program, str(file), arg_inputs=[frames_in(library, shape)]
                ),
                build_s=time.monotonic() - start,
            )
        self.facts = EngineFacts(
            backend="tensorrt",
            device=device_name(_DEVICE),
            precision=precision,
            profile=profile.name,
            shape=shape,
        )
        device = torch.device(_DEVICE)
        self._runner = DeviceRunner(bytes_of(program), shape, device, say=say)

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self._runner(frames)

    def submit(self, frames: NDArray[np.uint8]) -> Ticket:
        return self._runner.submit(frames)

    def collect(self, ticket: Ticket) -> NDArray[np.uint8]:
        return self._runner.collect(ticket)

    def stage_times(self, ticket: Ticket) -> StageTimes | None:
        return self._runner.stage_times(ticket)


class Levels(nn.Module):
    """The fused module without its last cast, to uint8, which TensorRT has not."""

    def __init__(self, fused: FusedDeblur) -> None:
        super().__init__()
        self.fused = fused

    def forward(self, frames: Tensor) -> Tensor:
        return self.fused.levels(frames)


def load_library() -> Any:
    """The module torch_tensorrt.

    Raises:
        EngineError: it is not installed, or its own libraries are missing.
    """
    tensorrt_version()
    try:
        import torch_tensorrt
    except Exception as error:  # it raises a bare Exception where TensorRT's libraries are missing
        raise EngineError(f"torch-tensorrt does not load: {error}") from error
    return torch_tensorrt


def library_versions() -> dict[str, str]:
    """Of everything that decides whether a kept engine may be used again."""
    import tensorrt

    return {
        "torch": torch.__version__,
        "torch_tensorrt": tensorrt_version(),
        "tensorrt": str(tensorrt.__version__),
    }


def engine_key(
    profile: Profile,
    shape: EngineShape,
    precision: Precision,
    gpu: NvidiaGPU,
    versions: dict[str, str],
) -> Key:
    """Weights, graph, shapes, precision, versions and GPU: an engine fits no other than these."""
    return {
        "backend": "tensorrt",
        "profile": profile.name,
        "weights": profile.weights_sha256,
        "graph": profile.graph_sha256,
        "batch": shape.max_batch,
        "height": shape.height,
        "width": shape.width,
        "precision": precision,
        "version": versions,
        "device": gpu.name,
        "capability": list(gpu.capability),
    }


def build(
    library: Any, profile: Profile, shape: EngineShape, precision: Precision, cache: Path | None
) -> Callable[[Tensor], Tensor]:
    """Export the fused module and let TensorRT compile all of it; takes minutes.

    Raises:
        EngineError: it cannot.
    """
    program = exported(Levels(fused_on_device(profile, precision, _DEVICE)), shape, _DEVICE)
    with tempfile.TemporaryDirectory() as private:
        kept = cache is not None and cache.is_dir() and sharing_problem(cache) is None
        timings = (cache if cache is not None and kept else Path(private)) / "timings.bin"
        try:
            compiled: Callable[[Tensor], Tensor] = library.dynamo.compile(
                program,
                arg_inputs=[frames_in(library, shape)],
                device=torch.device(_DEVICE),
                disable_tf32=True,
                require_full_compilation=True,
                min_block_size=1,
                cache_built_engines=False,
                reuse_cached_engines=False,
                timing_cache_path=str(timings),
            )
        except Exception as error:  # the compiler raises whatever its stages raise
            raise EngineError(f"TensorRT cannot compile {profile.name}: {error}") from error
    return compiled


def exported(module: nn.Module, shape: EngineShape, device: str) -> "torch.export.ExportedProgram":
    """The module as a graph: height and width fixed, the batch free up to the shape's."""
    frames = torch.zeros(
        min(2, shape.max_batch), shape.height, shape.width, 3, dtype=torch.uint8, device=device
    )
    free = None
    if shape.max_batch > 1:
        free = ({0: torch.export.Dim("batch", min=1, max=shape.max_batch)},)
    return torch.export.export(module, (frames,), dynamic_shapes=free)


def frames_in(library: Any, shape: EngineShape) -> Any:
    """What the engine takes, as torch_tensorrt says it; tuned for the full batch."""
    full = (shape.max_batch, shape.height, shape.width, 3)
    if shape.max_batch == 1:
        return library.Input(shape=full, dtype=torch.uint8, name="frames")
    return library.Input(
        min_shape=(1, *full[1:]), opt_shape=full, max_shape=full, dtype=torch.uint8, name="frames"
    )


def bytes_of(program: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The last step of the fused module, which torch does."""
    return lambda frames: program(frames).to(torch.uint8)


@contextmanager
def _telling(what: str, say: Callable[[str], None]) -> Iterator[None]:
    """Tell that something goes on, at its start and every 15 seconds."""
    say(f"{what}; it takes a few minutes, once")
    start, over = time.monotonic(), Event()

    def tell() -> None:
        while not over.wait(_TELL_EVERY_S):
            say(f"{what}: {time.monotonic() - start:.0f} s")

    teller = Thread(target=tell, name="telling", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
