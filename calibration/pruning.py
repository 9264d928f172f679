"""`blur2blur train prune`: what never speaks in a network is no longer computed.

Leaving out the channels within blocks that sleep makes a network quicker and changes next to
nothing (structured pruning; Hu et al., "Network trimming", 2016, prune by how often ReLUs give
zero).
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from calibration.errors import CalibrationError
from calibration.profile_networks import part_weights
from calibration.sleeping import asleep, deblurrer_alone, export_again, hidden_layers, pictures_for
from engines.files import check_may_be_replaced
from engines.idle_channels import heard
from engines.networks import build_network
from engines.networks.cost import multiply_accumulates
from engines.networks.idle import leave_out_idle
from engines.profile import CARD, Profile

_HEIGHT, _WIDTH = 480, 640


@dataclass(frozen=True)
class Pruning:
    """What became of a network.

    Attributes:
        weights: its tensors, of the shapes that they had.
        computed: of each residual block, how many inner channels are computed still, and of how
            many.
        change_psnr_db: what the pruned network makes of the pictures against what it made before.
        gmacs, gmacs_before: billions of multiply-accumulates at 640x480.
    """

    weights: dict[str, Tensor]
    computed: dict[str, tuple[int, int]]
    change_psnr_db: float
    gmacs: float
    gmacs_before: float


def prune_profile(
    name_or_folder: str,
    data: Sequence[Path],
    to: Path,
    name: str,
    pictures: int,
    seed: int,
    console: Console,
) -> None:
    """Write a profile whose deblurrer no longer computes what never speaks.

    Args:
        data: folders of photographs. Those that the profile was tested on are not looked at.
        pictures: how many are made of them, blurred in the ways that the profile's card tells of.

    Raises:
        CalibrationError: the photographs cannot be used, or the network has no residual blocks.
        ProfileError: there is no such profile, or it has a translator.
    """
    check_may_be_replaced(to, known_by=CARD)
    profile = deblurrer_alone(name_or_folder)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("looking at pictures", total=2 * pictures)
        looked_at = pictures_for(profile, data, pictures, seed)
        pruning = prune(profile, looked_at, lambda: progress.advance(task))
    computed = {block: list(counts) for block, counts in pruning.computed.items()}
    pruned = {"pictures": pictures, "seed": seed, "channels": computed}
    export_again(profile, pruning.weights, to, name, {"pruned": pruned})
    channels, of = (sum(counts) for counts in zip(*pruning.computed.values(), strict=True))
    console.print(
        f"{to}: computes {channels} of {of} channels within blocks, {pruning.gmacs:.1f} instead of "
        f"{pruning.gmacs_before:.1f} billion products for 640x480; what it makes of {pictures} "
        f"pictures is {pruning.change_psnr_db:.0f} dB from what it made before",
        markup=False,
        highlight=False,
    )


@torch.inference_mode()
def prune(
    profile: Profile, pictures: Sequence[Tensor], looked: Callable[[], None] = lambda: None
) -> Pruning:
    """Silence what sleeps on nearly all pictures in a profile's deblurrer.

    Args:
        pictures: to look at, twice, uint8 (1, 3, H, W).
        looked: called after each look.

    Raises:
        CalibrationError: the network has no residual blocks.
    """
    weights = part_weights(profile, "deblurrer")
    network = build_network(profile.card["deblurrer"])
    network.load_state_dict(weights)
    blocks = {name: layer for name, layer in hidden_layers(network).items() if layer.within_block}
    if not blocks:
        raise CalibrationError(f"the deblurrer of {profile.name} has no blocks to be pruned")
    sleeping = asleep(network, blocks, pictures, looked)
    pruned = deepcopy(network)
    for name, layer in hidden_layers(pruned).items():
        if name in sleeping:
            layer.silence(sleeping[name])
    weights = {name: tensor.clone() for name, tensor in pruned.state_dict().items()}
    computed = {
        name: (len(heard(weights[f"{name}.body.2.weight"].numpy())), layer.first.out_channels)
        for name, layer in blocks.items()
    }
    leave_out_idle(pruned)
    errors = []
    for picture in pictures:
        after, before = (n(picture / 255.0).clamp(0, 1) for n in (pruned, network))
        errors.append(float((after - before).square().mean()))
        looked()
    products = (multiply_accumulates(n, _HEIGHT, _WIDTH) / 1e9 for n in (pruned, network))
    mean = sum(errors) / len(errors)
    return Pruning(weights, computed, -10 * math.log10(max(mean, 1e-10)), *products)
