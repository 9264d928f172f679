"""The Torch-TensorRT backend: the first choice on an NVIDIA GPU.

TensorRT is strongly typed: a network computes in the types of its weights and its casts, so the
precision is that of the fused module. The library's own engine cache is a folder of pickles in the
shared temporary folder, whose key knows neither weights nor GPU; it stays off, and engines are kept
by :mod:`engines.cache`.

Written against torch-tensorrt 2.13, whose sources the tests read; no GPU was at hand where it was
written (see the README for what has run).
"""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import torch
from torch import Tensor, nn

from engines.accelerators import NvidiaGPU, nvidia_gpu, tensorrt_version
from engines.cache import EngineCache, Key, folder_name, is_private
from engines.device_engine import DeviceEngine
from engines.engine import EngineFacts, EngineShape, Precision
from engines.errors import EngineError
from engines.files import write_atomically
from engines.fused import FusedDeblur
from engines.profile import Profile
from engines.torch import device_name, fused_on_device

_TELL_EVERY_S = 15.0


class TensorRTEngine(DeviceEngine):
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
        device = _device()
        kept = EngineCache(cache, say, suffix=".pt2")
        key = engine_key(profile, shape, precision, gpu, library_versions())
        program = kept.load(key, lambda file: library.load(str(file)).module())
        if program is None:
            start = time.monotonic()
            with _telling(f"building the TensorRT engine for {shape}, {precision}", say):
                module = Levels(fused_on_device(profile, precision, device))
                with timings(cache, key) as measured:
                    program = build(library, module, shape, device, measured)
            kept.keep(
                key,
                lambda file: library.save(
                    program, str(file), arg_inputs=[frames_in(library, shape)]
                ),
                build_s=time.monotonic() - start,
            )
        facts = EngineFacts(
            backend="tensorrt",
            device=device_name(device),
            precision=precision,
            profile=profile.name,
            shape=shape,
        )
        # An execution context that was recorded for one batch must not be told of another.
        graphs = shape.max_batch == 1
        super().__init__(bytes_of(program), facts, device, graphs=graphs, say=say)


class Levels(nn.Module):
    """The fused module between its casts of bytes: TensorRT takes uint8 nowhere but at a cast, and
    the runtime of torch-tensorrt not at all. Float (N, H, W, 3) to the same, 0...255."""

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
        "code": _code_sha256(),
        "batch": shape.max_batch,
        "height": shape.height,
        "width": shape.width,
        "precision": precision,
        "version": versions,
        "device": gpu.name,
        "capability": list(gpu.capability),
    }


def _code_sha256() -> str:
    """Of the modules that engines are exported from: a graph of other code is another engine."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for file in (here / "fused.py", *sorted((here / "networks").glob("*.py"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@contextmanager
def timings(cache: Path | None, key: Key) -> Iterator[Path]:
    """A file for what TensorRT measures in a build, of which the next one is quicker.

    It begins as what is kept, and takes its place once the build is done. TensorRT itself would
    write in place, and fail with the finished engine where it cannot.
    """
    with tempfile.TemporaryDirectory(prefix="blur2blur-") as private:
        file = Path(private) / "timings.bin"
        kept = _kept_timings(cache, key)
        if kept is not None:
            with suppress(OSError):
                shutil.copyfile(kept, file)
        yield file
        if kept is not None:
            with suppress(OSError):
                write_atomically(kept, partial(shutil.copyfile, file))


def _kept_timings(cache: Path | None, key: Key) -> Path | None:
    """Of one version and one GPU."""
    if cache is None or not is_private(cache):
        return None
    measured = {name: key[name] for name in ("version", "device", "capability")}
    return cache / f"{folder_name({'backend': 'timings', **measured})}.bin"


def build(
    library: Any, module: nn.Module, shape: EngineShape, device: torch.device, timings: Path
) -> Callable[[Tensor], Tensor]:
    """Export a module and let TensorRT compile all of it; takes minutes.

    Args:
        timings: file of what was measured before, which is added to.

    Raises:
        EngineError: it cannot.
    """
    try:
        compiled: Callable[[Tensor], Tensor] = library.dynamo.compile(
            exported(module, shape, device),
            arg_inputs=[frames_in(library, shape)],
            device=device,
            disable_tf32=True,
            require_full_compilation=True,
            min_block_size=1,
            cache_built_engines=False,
            reuse_cached_engines=False,
            timing_cache_path=str(timings),
        )
    except Exception as error:  # the compiler raises whatever its stages raise
        raise EngineError(f"TensorRT cannot compile this: {error}") from error
    return compiled


def exported(
    module: nn.Module, shape: EngineShape, device: torch.device
) -> "torch.export.ExportedProgram":
    """The module as a graph: height and width fixed, the batch free up to the shape's.

    The example's batch is what TensorRT tunes for, so it is the full one.
    """
    frames = torch.zeros(shape.max_batch, shape.height, shape.width, 3, device=device)
    free = None
    if shape.max_batch > 1:
        free = ({0: torch.export.Dim("batch", min=1, max=shape.max_batch)},)
    return torch.export.export(module, (frames,), dynamic_shapes=free)


def frames_in(library: Any, shape: EngineShape) -> Any:
    """What the engine takes, as torch_tensorrt says it."""
    full = (shape.max_batch, shape.height, shape.width, 3)
    if shape.max_batch == 1:
        return library.Input(shape=full, dtype=torch.float32, name="frames")
    return library.Input(
        min_shape=(1, *full[1:]), opt_shape=full, max_shape=full, dtype=torch.float32, name="frames"
    )


def bytes_of(program: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The fused module's casts from and to bytes, which torch does."""
    return lambda frames: program(frames.to(torch.float32)).to(torch.uint8)


def _device() -> torch.device:
    """With its number, which torch_tensorrt wants to know."""
    return torch.device("cuda", torch.cuda.current_device())


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
