"""The torch backend: the reference in fp32, and the last resort."""

import numpy as np
import torch
from numpy.typing import NDArray

from engines.engine import EngineFacts, EngineShape, Precision, check_frames
from engines.errors import EngineError, ProfileError
from engines.fused import FusedDeblur
from engines.networks import build_network
from engines.profile import Profile

_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class TorchEngine:
    """A profile's weights in eager torch.

    Raises:
        EngineError: the device is not there.
        ProfileError: the weights do not fit the architectures on the card.
    """

    def __init__(
        self, profile: Profile, shape: EngineShape, precision: Precision, *, device: str = "cpu"
    ) -> None:
        self._profile = profile
        self._shape = shape
        self._precision: Precision = precision
        try:
            self._device = torch.device(device)
            module = fused_from_profile(profile).to(self._device, _DTYPES[precision])
        except RuntimeError as error:
            raise EngineError(f"torch cannot use {device!r} here: {error}") from error
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._module = module

    @property
    def facts(self) -> EngineFacts:
        return EngineFacts(
            backend="torch",
            device=str(self._device),
            precision=self._precision,
            profile=self._profile.name,
            shape=self._shape,
        )

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        check_frames(frames, self._shape)
        batch = torch.tensor(frames, device=self._device)  # a copy: frames may be read-only
        try:
            with torch.inference_mode():
                deblurred: NDArray[np.uint8] = self._module(batch).cpu().numpy()
        except RuntimeError as error:
            raise EngineError(f"torch failed on {self._device}: {error}") from error
        return deblurred


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
