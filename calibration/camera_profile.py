"""A camera's profile: its translator before the deblurrer that it was trained for, as one graph."""

from math import lcm
from pathlib import Path

import torch

from calibration.train_translator import TranslatorTrainer, TranslatorValidation
from engines.export import export_profile
from engines.networks import read_specification
from engines.profile import load_profile


def export_camera_profile(
    folder: Path, name: str, trainer: TranslatorTrainer, final: TranslatorValidation
) -> None:
    """Write what was trained as a profile for `live --profile`; one of that name is replaced.

    Raises:
        ProfileError: the weights cannot be written as a profile.
    """
    settings = trainer.settings
    profile = load_profile(settings.deblurrer)
    deblurrer = profile.card["deblurrer"]
    weights = {
        f"translator.{key.removeprefix('network.')}": tensor
        for key, tensor in trainer.averaged.state_dict().items()
        if key.startswith("network.")  # the heads of the smaller scales stay behind
    }
    weights |= {
        key: torch.from_numpy(value.astype("float32"))
        for key, value in profile.weights.items()
        if key.startswith("deblurrer.")
    }
    export_profile(
        folder,
        name=name,
        translator=settings.network.to_json(),
        deblurrer=deblurrer,
        multiple=lcm(settings.network.multiple, read_specification(deblurrer).multiple),
        weights=weights,
        card={
            "about": f"Camera profile, trained on {settings.recording.name} before the deblurrer "
            f"{settings.deblurrer}.",
            "training": trainer.card(final),
        },
    )
