"""The torch backend: the reference in fp32, the second choice on a GPU, and the last resort."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.device_engine import DeviceEngine
from engines.engine import EngineFacts, EngineShape, Precision
from engines.errors import EngineError, ProfileError
from engines.fused import FusedDeblur
from engines.networks import build_network
from engines.networks.idle import leave_out_idle
from engines.profile import Profile
from engines.torch_compile import faster

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class TorchEngine(DeviceEngine):
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
        where = torch.device(device)
        fused = fused_on_device(profile, precision, where)
        module: Callable[[Tensor], Tensor] = fused
        if where.type == "cuda":
            full = (shape.max_batch, shape.height, shape.width, 3)
            example = torch.zeros(full, dtype=torch.uint8, device=where)
            module = faster(fused, example, cache=cache, say=say)
        facts = EngineFacts(
            backend="torch",
            device=device_name(where),
            precision=precision,
            profile=profile.name,
            shape=shape,
        )
        super().__init__(module, facts, where, say=say)


def fused_on_device(profile: Profile, precision: Precision, device: torch.device) -> FusedDeblur:
    """The profile's networks, their weights in this precision and channels-last order.

    Products of fp32 numbers are exact there: no TF32.

    Raises:
        EngineError: torch cannot use the device.
        ProfileError: as :func:`fused_from_profile`.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    fused = fused_from_profile(profile)
    try:
        fused.to(device, DTYPES[precision])
        fused.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    except (RuntimeError, AssertionError) as error:  # a torch without CUDA asserts
        raise EngineError(f"torch cannot use {device} here: {error}") from error
    return fused


def device_name(device: torch.device) -> str:
    """For the user's eyes."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return device.type


def fused_from_profile(profile: Profile) -> FusedDeblur:
    """The profile's networks with their weights, in fp32, in evaluation mode, as engines have them.

    Raises:
        ProfileError: a tensor is missing, unknown, or of another shape than the card's
            architecture has.
    """
    translator = build_network(profile.card["translator"])
    deblurrer = build_network(profile.card["deblurrer"])
    multiple = int(profile.card["multiple"])
    fused = FusedDeblur(translator, deblurrer, multiple, profile.left_below)
    tensors = {k: torch.from_numpy(v.astype(np.float32)) for k, v in profile.weights.items()}
    try:
        fused.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ProfileError(f"profile {profile.folder}: the weights do not fit: {reason}") from error
    leave_out_idle(fused)
    return fused.eval()
