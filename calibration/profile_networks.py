"""The networks of a profile as torch modules."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engines.fused import FusedDeblur
from engines.networks import build_network
from engines.networks.idle import leave_out_idle
from engines.profile import Profile


@torch.inference_mode()
def restored(network: FusedDeblur, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One picture through a fused network, uint8 (H, W, 3) to the same."""
    result: NDArray[np.uint8] = network(torch.from_numpy(picture)[None])[0].numpy()
    return result


def part_weights(profile: Profile, part: str) -> dict[str, Tensor]:
    """Tensors of ``translator`` or ``deblurrer``, float32, under the network's own names."""
    prefix = f"{part}."
    return {
        key.removeprefix(prefix): torch.from_numpy(value.astype("float32"))
        for key, value in profile.weights.items()
        if key.startswith(prefix)
    }


def part_network(profile: Profile, part: str) -> nn.Module:
    """The translator or the deblurrer, ready to run as engines do, not to be trained."""
    network = build_network(profile.card[part])
    network.load_state_dict(part_weights(profile, part))
    leave_out_idle(network)
    return network.eval().requires_grad_(False)
