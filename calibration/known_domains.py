"""What a deblurrer knows by its card, and how large a camera's frames have to be to teach it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from calibration.known_blur import KnownBlur
from calibration.object_motion import ObjectMotion
from calibration.trajectory import Movement

ON_DISK = "on_disk"
"""What a card says of pairs that were not made of photographs."""
CROP_PX = 128
"""Side of the crops of a camera that are learned from."""
_MOVEMENT = tuple(field.name for field in fields(Movement))


def known_domains(card: Mapping[str, Any]) -> tuple[KnownBlur, ObjectMotion]:
    """What a deblurrer knows, of the camera and of objects, by its weights' card.

    Where the card tells nothing (weights from elsewhere, or of pairs that were on disk) it is the
    known domain as it stands.
    """
    pairs = card.get("training", {}).get("pairs", {})

    def movement(domain: str) -> dict[str, Any]:
        told: Mapping[str, Any] = pairs.get(domain, {})
        return {name: told[name] for name in _MOVEMENT if name in told}

    return KnownBlur(**movement("known")), ObjectMotion(**movement("moving"))


def learned_from_pairs(card: Mapping[str, Any]) -> bool:
    """Whether a deblurrer knows the blur of pairs on disk, of which its card tells nothing."""
    return bool(card.get("training", {}).get("pairs", {}).get(ON_DISK))


def least_frame_px(card: Mapping[str, Any]) -> int:
    """Shorter side of the smallest frames that a translator before this deblurrer learns from.

    Args:
        card: of the deblurrer's weights.
    """
    return CROP_PX + 2 * max(domain.margin_px for domain in known_domains(card))
