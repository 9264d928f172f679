"""A camera's profile: its translator before the deblurrer that it was trained for, as one graph."""

from collections.abc import Mapping
from math import lcm
from pathlib import Path
from typing import Any

from torch import Tensor

from calibration.distil import DistillationTrainer
from calibration.evaluation import Evaluation
from calibration.profile_networks import part_weights
from calibration.recording_identity import comes_from
from calibration.train_translator import TranslatorTrainer, TranslatorValidation
from engines.errors import ProfileError
from engines.export import export_deblurrer, export_profile
from engines.files import check_may_be_replaced
from engines.networks import read_specification
from engines.profile import CARD, Profile, own_profile_folder, read_card


def camera_profile_folder(name: str, recording: Path, teacher: str | None = None) -> Path:
    """Where a camera's profile goes; one of that name may be there that came about alike.

    Args:
        name: of the profile.
        recording: folder of the recording that it learns from.
        teacher: profile that it is distilled from, if it is.

    Raises:
        ProfileError: it cannot be called so, or one of that name came from something else, as far
            as its card tells.
        FileExistsError: what is there is no profile.
    """
    folder = own_profile_folder(name)
    check_may_be_replaced(folder, known_by=CARD)
    if (folder / CARD).is_file():
        training = read_card(folder).get("training", {})
        if comes_from(training, recording) is False or training.get("teacher") != teacher:
            how = "trained on" if teacher is None else f"distilled from {teacher} on"
            raise ProfileError(
                f"there is a profile {name} already, which was not {how} {recording}; say another "
                f"name, or remove {folder}"
            )
    return folder


def export_camera_profile(
    folder: Path, name: str, trainer: TranslatorTrainer, final: TranslatorValidation
) -> None:
    """Write what was trained as a profile for `live --profile`; one of that name is replaced.

    Raises:
        ProfileError: the weights cannot be written as a profile.
    """
    settings = trainer.settings
    export_before_deblurrer(
        folder,
        name=name,
        translator=settings.network.to_json(),
        weights=trainer.averaged.state_dict(),
        deblurrer=trainer.profile,
        card={
            "about": f"Camera profile, trained on {settings.recording.absolute().name} before the "
            f"deblurrer {settings.deblurrer}.",
            "training": trainer.card(final),
        },
    )


def export_before_deblurrer(
    folder: Path,
    *,
    name: str,
    translator: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    deblurrer: Profile,
    card: Mapping[str, Any],
) -> None:
    """Write a translator, its tensors under its own names, before a profile's deblurrer.

    Raises:
        ProfileError: the weights cannot be written as a profile.
    """
    networks = translator, deblurrer.card["deblurrer"]
    both = {f"translator.{key}": tensor for key, tensor in weights.items()}
    own = part_weights(deblurrer, "deblurrer")
    both |= {f"deblurrer.{key}": tensor for key, tensor in own.items()}
    export_profile(
        folder,
        name=name,
        translator=networks[0],
        deblurrer=networks[1],
        multiple=lcm(*(read_specification(network).multiple for network in networks)),
        weights=both,
        card=card,
        left_below=deblurrer.left_below,
    )


def export_distilled_profile(
    folder: Path, name: str, trainer: DistillationTrainer, final: Evaluation
) -> None:
    """Write the student as a profile for `live --profile`; one of that name is replaced.

    Raises:
        ProfileError: the weights cannot be written as a profile.
    """
    settings = trainer.settings
    export_deblurrer(
        folder,
        name=name,
        network=settings.network,
        weights=trainer.averaged.state_dict(),
        card={
            "about": f"Camera profile, distilled from {settings.teacher} on "
            f"{settings.recording.absolute().name}: one network.",
            "training": trainer.card(final),
        },
        left_below=trainer.profile.left_below,
    )
