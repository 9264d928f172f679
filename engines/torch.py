"""The torch backend: the reference in fp32, the second choice on a GPU, and the last resort."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.device_runner import DeviceRunner
from engines.engine import EngineFacts, EngineShape, Precision, StageTimes, Ticket
from engines.errors import EngineError, ProfileError
from engines.fused import FusedDeblur
from engines.networks import build_network
from engines.profile import Profile
from engines.torch_compile import faster

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class TorchEngine:
    """A profile's weights in torch, in channels-last order.

    On an NVIDIA GPU it runs as CUDA graphs, of eager torch or of what torch.compile makes of it.

    Args:
        device: `cpu`, `cuda` or `mps`.
        cache: folder in which torch.compile may keep what it makes.
        say: takes a line for the user where something goes otherwise than hoped.

    Raises:
        EngineError: the device is not there.
        ProfileError: the weights do not fit the architectures on the card.
    """

    def __init__(
        self,
        profile: Profile,
        shape: EngineShape,
        precision: Precision,
        *,
        device: str = "cpu",
        cache: Path | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        fused = fused_on_device(profile, precision, device)
        self.facts = EngineFacts(
            backend="torch",
            device=device_name(device),
            precision=precision,
            profile=profile.name,
            shape=shape,
        )
        where = torch.device(device)
        module: Callable[[Tensor], Tensor] = fused
        if where.type == "cuda":
            full = (shape.max_batch, shape.height, shape.width, 3)
            example = torch.zeros(full, dtype=torch.uint8, device=where)
            module = faster(fused, example, cache=cache, say=say)
        self._runner = DeviceRunner(module, shape, where, say=say)

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self._runner(frames)

    def submit(self, frames: NDArray[np.uint8]) -> Ticket:
        return self._runner.submit(frames)

    def collect(self, ticket: Ticket) -> NDArray[np.uint8]:
        return self._runner.collect(ticket)

    def stage_times(self, ticket: Ticket) -> StageTimes | None:
        return self._runner.stage_times(ticket)


def fused_on_device(profile: Profile, precision: Precision, device: str) -> FusedDeblur:
    """The profile's networks, their weights in this precision and channels-last order.

    Products of fp32 numbers are exact there: no TF32.

    Raises:
        EngineError: torch cannot use the device.
        ProfileError: as :func:`fused_from_profile`.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    fused = fused_from_profile(profile)
    try:
        fused.to(torch.device(device), DTYPES[precision])
    except (RuntimeError, AssertionError) as error:  # a torch without CUDA asserts
        raise EngineError(f"torch cannot use {device!r} here: {error}") from error
    fused.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return fused


def device_name(device: str) -> str:
    """For the user's eyes."""
    kind = torch.device(device).type
    return f"cuda ({torch.cuda.get_device_name(device)})" if kind == "cuda" else device


def fused_from_profile(profile: Profile) -> FusedDeblur:
    """The profile's networks with their weights, in fp32, in evaluation mode.

    Raises:
        ProfileError: a tensor is missing, unknown, or of another shape than the card's
            architecture has.
    """
    translator = build_network(profile.card["translator"])
    deblurrer = build_network(profile.card["deblurrer"])
    fused = FusedDeblur(translator, deblurrer, int(profile.card["multiple"]))
    tensors = {k: torch.from_numpy(v.astype(np.float32)) for k, v in profile.weights.items()}
    try:
        fused.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ProfileError(f"profile {profile.folder}: the weights do not fit: {reason}") from error
    return fused.eval()
