"""`blur2blur train prune`: what never speaks in a network is no longer computed.

Of a ReLU that no picture wakes nothing is learned any more either, and after long training half of
some blocks, and all of others, sleep. Leaving such channels out makes a network quicker and changes
next to nothing (structured pruning; Hu et al., "Network trimming", 2016, prune by how often ReLUs
give zero).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

from calibration.errors import CalibrationError
from calibration.pairs import PairRecipe
from calibration.photographs import tested_on, trained_on
from calibration.profile_networks import part_weights
from calibration.training_data import crops_to_look_at
from engines.export import export_deblurrer
from engines.files import check_may_be_replaced
from engines.idle_channels import InnerChannels, heard, inner_channels, taken_in
from engines.networks import build_network, read_specification
from engines.networks.cost import multiply_accumulates
from engines.networks.idle import leave_out_idle
from engines.profile import CARD, Profile, load_profile

ASLEEP = 0.02
"""A channel of a block that speaks in no more than this share of pictures is left out; where motion
is looked for one that speaks in none, as rare motions are to be seen, too."""
_SPEAKS = 1e-2
_PICTURE_PX = 256
_HEIGHT, _WIDTH = 480, 640


@dataclass(frozen=True)
class Pruning:
    """What became of a network.

    Attributes:
        weights: its tensors, of the shapes that they had.
        computed: of each set of inner channels, how many are computed still, and of how many.
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
        CalibrationError: the photographs cannot be used, or the network has nothing to be pruned.
        ProfileError: there is no such profile, or it has a translator.
    """
    check_may_be_replaced(to, known_by=CARD)
    profile = load_profile(name_or_folder)
    if profile.card["translator"]["architecture"] != "identity":
        raise CalibrationError(
            f"profile {profile.name} has a translator, which knows its deblurrer as it is; prune "
            "the deblurrer, and train the translator for that"
        )
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("looking at pictures", total=3 * pictures)
        looked_at = []
        for picture in blurred_pictures(profile, data, pictures, seed):
            looked_at.append(picture)
            progress.advance(task)
        pruning = prune(profile, looked_at, lambda: progress.advance(task))
    card = {
        key: value
        for key, value in profile.card.items()
        if key in ("about", "training")  # figures were those of the other weights
    }
    computed = {block: list(counts) for block, counts in pruning.computed.items()}
    export_deblurrer(
        to,
        name=name,
        network=read_specification(profile.card["deblurrer"]),
        weights=pruning.weights,
        card={**card, "pruned": {"pictures": pictures, "seed": seed, "channels": computed}},
        left_below=profile.left_below,
    )
    channels, of = (sum(counts) for counts in zip(*pruning.computed.values(), strict=True))
    console.print(
        f"{to}: computes {channels} of {of} channels between layers, {pruning.gmacs:.1f} instead "
        f"of {pruning.gmacs_before:.1f} billion products for 640x480; what it makes of {pictures} "
        f"pictures is {pruning.change_psnr_db:.0f} dB from what it made before",
        markup=False,
        highlight=False,
    )


def blurred_pictures(
    profile: Profile, data: Sequence[Path], count: int, seed: int
) -> Iterator[Tensor]:
    """Pictures of the kinds that a profile's deblurrer learned from, uint8 (1, 3, 256, 256).

    Raises:
        CalibrationError: the photographs cannot be used, or the deblurrer was tested on all.
    """
    recipe = PairRecipe.told_by(profile.card, _PICTURE_PX)
    tested = set(tested_on(profile.card)) - set(trained_on(profile.card))
    crops = crops_to_look_at(data, recipe, seed, count, tested=tested)
    return (crops[i][0][None] for i in range(count))


@torch.inference_mode()
def prune(
    profile: Profile, pictures: Sequence[Tensor], looked: Callable[[], None] = lambda: None
) -> Pruning:
    """Silence what sleeps on nearly all pictures in a profile's deblurrer.

    Args:
        pictures: to look at, twice, uint8 (1, 3, H, W).
        looked: called after each look.

    Raises:
        CalibrationError: the network has nothing to be pruned.
    """
    weights = part_weights(profile, "deblurrer")
    network = build_network(profile.card["deblurrer"])
    network.load_state_dict(weights)
    layers = {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    inner = list(inner_channels(layers))
    if not inner:
        raise CalibrationError(f"the deblurrer of {profile.name} has no blocks to be pruned")
    channels = {part: layers[part.makers[0]].out_channels for part in inner}
    spoke = {part: torch.zeros(count) for part, count in channels.items()}

    def listening(part: InnerChannels) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def note(_: nn.Module, taken: tuple[Tensor]) -> None:
            loudest = taken[0].abs().amax(dim=(0, 2, 3)).reshape(-1, channels[part]).amax(dim=0)
            spoke[part] += (loudest > _SPEAKS).float()

        return note

    ears = [layers[p.listeners[0]].register_forward_pre_hook(listening(p)) for p in inner]
    for picture in pictures:
        network(picture / 255.0)
        looked()
    for ear in ears:
        ear.remove()
    for part, times in spoke.items():
        seldom = ASLEEP * len(pictures) if part.of_block else 0
        asleep = np.flatnonzero(times <= seldom)
        for layer in part.listeners:
            taken = weights[f"{layer}.weight"]
            taken[:, taken_in(asleep, channels[part], taken.shape[1])] = 0.0
    pruned = build_network(profile.card["deblurrer"])
    pruned.load_state_dict(weights)
    leave_out_idle(pruned)
    errors = []
    for picture in pictures:
        after, before = (n(picture / 255.0).clamp(0, 1) for n in (pruned, network))
        errors.append(float((after - before).square().mean()))
        looked()
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    computed = {part.name: (len(heard(part.loudness(arrays))), channels[part]) for part in inner}
    products = (multiply_accumulates(n, _HEIGHT, _WIDTH) / 1e9 for n in (pruned, network))
    mean = sum(errors) / len(errors)
    return Pruning(weights, computed, -10 * math.log10(max(mean, 1e-10)), *products)
