"""Which channels of a network sleep: those of ReLUs that no picture wakes.

After long training half of some layers, and all of others, are zero on every picture (dying ReLUs;
Lu et al., 2020; dormant neurons; Sokar et al., ICML 2023). They learn nothing any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from calibration.errors import CalibrationError
from calibration.pairs import PairRecipe
from calibration.photographs import tested_on, trained_on
from calibration.training_data import crops_to_look_at
from engines.export import export_deblurrer
from engines.networks import MotionUNet, read_specification
from engines.networks.gated_block import GatedBlock
from engines.networks.motion_unet import Look
from engines.networks.plain_unet import ResidualBlock
from engines.profile import Profile, load_profile

_SPEAKS = 1e-2
_SLEEPS = 0.02
_PICTURE_PX = 256


@dataclass(frozen=True)
class Hidden:
    """A hidden layer of channels that are rectified.

    Attributes:
        first: the convolution that makes them.
        listeners: those that take them.
        gate: what they are multiplied by, if by anything.
        within_block: whether it is one of a residual block, of which engines leave out channels
            that nothing listens to; the others are computed as a whole.
    """

    first: nn.Conv2d
    listeners: tuple[nn.Conv2d, ...]
    gate: nn.Conv2d | None = None
    within_block: bool = False

    def silence(self, asleep: Tensor) -> None:
        """Let nothing listen to some channels, bool (channels,)."""
        with torch.no_grad():
            for listener in self.listeners:
                listener.weight[:, asleep] = 0.0


def hidden_layers(network: nn.Module) -> dict[str, Hidden]:
    """By name, those of residual blocks and those that say how things moved."""
    layers = {}
    for name, module in network.named_modules():
        if isinstance(module, ResidualBlock):
            first, _, last = module.body
            gate = module.gate if isinstance(module, GatedBlock) else None
            layers[name] = _hidden(first, (last,), gate, within_block=True)
        if isinstance(module, MotionUNet):
            looks = (module, module.second) if module.second else (module,)
            ears = [ear for look in looks for ear in (look.motion, look.trust)]
            layers[f"{name}.mix".lstrip(".")] = _hidden(module.mix, ears)
        if isinstance(module, Look):
            noise = [module.undo.noise] if module.undo else []
            layers[f"{name}.grasp".lstrip(".")] = _hidden(module.grasp[0], [*module.steer, *noise])
    return layers


def _hidden(
    first: nn.Module,
    listeners: Iterable[nn.Module],
    gate: nn.Conv2d | None = None,
    *,
    within_block: bool = False,
) -> Hidden:
    convolutions = [layer for layer in listeners if isinstance(layer, nn.Conv2d)]
    assert isinstance(first, nn.Conv2d)
    return Hidden(first, tuple(convolutions), gate, within_block)


@torch.no_grad()
def asleep(
    network: nn.Module,
    layers: dict[str, Hidden],
    pictures: Iterable[Tensor],
    looked: Callable[[], None] = lambda: None,
) -> dict[str, Tensor]:
    """Which channels speak on no more than 2 % of pictures, bool (channels,), by layer.

    Args:
        layers: of :func:`hidden_layers`.
        pictures: uint8 (1, 3, H, W).
        looked: called after each.
    """
    spoke = {name: torch.zeros(layer.first.out_channels) for name, layer in layers.items()}

    def listening(name: str) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def note(_: nn.Module, inner: tuple[Tensor]) -> None:
            spoke[name] += (inner[0].abs().amax(dim=(0, 2, 3)) > _SPEAKS).float()

        return note

    ears = [
        layer.listeners[0].register_forward_pre_hook(listening(name))
        for name, layer in layers.items()
    ]
    count = 0
    for picture in pictures:
        network(picture / 255.0)
        looked()
        count += 1
    for ear in ears:
        ear.remove()
    return {name: times <= _SLEEPS * count for name, times in spoke.items()}


def pictures_for(profile: Profile, data: Sequence[Path], count: int, seed: int) -> list[Tensor]:
    """Pictures of 256 px of the kinds that a profile was made for, uint8 (1, 3, H, W).

    Args:
        data: folders of photographs. Those that the profile was tested on are not looked at.
        count: how many are made of them, blurred in the ways that the profile's card tells of.

    Raises:
        CalibrationError: the photographs cannot be used.
    """
    recipe = PairRecipe.told_by(profile.card, _PICTURE_PX)
    tested = set(tested_on(profile.card)) - set(trained_on(profile.card))
    crops = crops_to_look_at(data, recipe, seed, count, tested=tested)
    return [crops[i][0][None] for i in range(count)]


def deblurrer_alone(name_or_folder: str) -> Profile:
    """A profile without a translator, whose deblurrer may be changed.

    Raises:
        CalibrationError: it has one.
        ProfileError: there is no such profile.
    """
    profile = load_profile(name_or_folder)
    if profile.card["translator"]["architecture"] != "identity":
        raise CalibrationError(
            f"profile {profile.name} has a translator, which knows its deblurrer as it is; change "
            "the deblurrer, and train the translator for that"
        )
    return profile


def export_again(
    profile: Profile,
    weights: Mapping[str, Tensor],
    to: Path,
    name: str,
    told: Mapping[str, Any],
) -> None:
    """Write a profile with changed weights: what its card tells of them but figures, and more.

    Args:
        weights: of its deblurrer.
        told: what is added to the card.
    """
    kept = ("about", "training", "woken", "pruned")
    card = {key: value for key, value in profile.card.items() if key in kept}
    export_deblurrer(
        to,
        name=name,
        network=read_specification(profile.card["deblurrer"]),
        weights=dict(weights),
        card={**card, **told},
        left_below=profile.left_below,
    )
