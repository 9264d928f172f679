"""`blur2blur train wake`: channels that sleep begin afresh, and learn when training goes on.

They get fresh weights that nothing listens to yet (as in Sokar et al., "The dormant neuron
phenomenon in deep reinforcement learning", ICML 2023): what the network computes is what it
computed, in the same time, and training goes on from it with more to learn with.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from calibration.errors import CalibrationError
from calibration.profile_networks import part_weights
from calibration.sleeping import (
    Hidden,
    asleep,
    deblurrer_alone,
    export_again,
    hidden_layers,
    pictures_for,
)
from engines.files import check_may_be_replaced
from engines.idle_channels import heard
from engines.networks import build_network
from engines.profile import CARD, Profile
from engines.shell import shell_word


def wake_profile(
    name_or_folder: str,
    data: Sequence[Path],
    to: Path,
    name: str,
    pictures: int,
    seed: int,
    console: Console,
) -> None:
    """Write a profile whose deblurrer computes the same, and has channels left to learn with.

    Args:
        data: folders of photographs. Those that the profile was tested on are not looked at.
        pictures: how many are made of them, blurred in the ways that the profile's card tells of.

    Raises:
        CalibrationError: the photographs cannot be used, or there is no layer that could sleep.
        ProfileError: there is no such profile, or it has a translator.
    """
    check_may_be_replaced(to, known_by=CARD)
    profile = deblurrer_alone(name_or_folder)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("looking at pictures", total=pictures)
        looked_at = pictures_for(profile, data, pictures, seed)
        weights, woken = wake(profile, looked_at, seed, lambda: progress.advance(task))
    told = {name: list(counts) for name, counts in woken.items()}
    card = {"woken": {"pictures": pictures, "seed": seed, "channels": told}}
    export_again(profile, weights, to, name, card)
    channels, of = (sum(counts) for counts in zip(*woken.values(), strict=True))
    console.print(
        f"{to}: {channels} of {of} channels begin afresh, and nothing listens to them yet; "
        f"go on with: blur2blur train deblurrer --from {shell_word(to)} ...",
        markup=False,
        highlight=False,
    )


@torch.inference_mode()
def wake(
    profile: Profile,
    pictures: Sequence[Tensor],
    seed: int,
    looked: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Tensor], dict[str, tuple[int, int]]]:
    """Let what sleeps on nearly all pictures begin afresh, where engines compute it anyway.

    Args:
        pictures: to look at, uint8 (1, 3, H, W).
        seed: of the fresh weights.
        looked: called after each look.

    Returns:
        The deblurrer's tensors; of each layer, how many channels were woken, and of how many.

    Raises:
        CalibrationError: the network has no layer that could sleep.
    """
    network = build_network(profile.card["deblurrer"])
    network.load_state_dict(part_weights(profile, "deblurrer"))
    layers = {
        name: layer
        for name, layer in hidden_layers(network).items()
        if layer.first.weight.requires_grad  # of two looks only the second one learns
    }
    if not layers:
        raise CalibrationError(f"the deblurrer of {profile.name} has no layer that could sleep")
    sleeping = asleep(network, layers, pictures, looked)
    generator = torch.Generator().manual_seed(seed)
    woken = {}
    for name, layer in layers.items():
        fresh = sleeping[name]
        layer.silence(fresh)
        if layer.within_block:
            computed = torch.zeros_like(fresh)
            computed[torch.from_numpy(heard(layer.listeners[0].weight.numpy()))] = True
            fresh = fresh & computed
        _begin_afresh(layer, fresh, generator)
        woken[name] = (int(fresh.sum()), len(fresh))
    return dict(network.state_dict()), woken


def _begin_afresh(layer: Hidden, fresh: Tensor, generator: torch.Generator) -> None:
    """Weights as large as those of the other channels, in random directions."""
    weight, bias = layer.first.weight, layer.first.bias
    assert bias is not None
    others = weight[~fresh] if bool((~fresh).any()) else weight
    weight[fresh] = torch.randn(weight[fresh].shape, generator=generator) * others.std()
    bias[fresh] = 0.0
    if layer.gate is not None:
        assert layer.gate.bias is not None
        layer.gate.weight[fresh] = 0.0
        layer.gate.bias[fresh] = 0.0
