"""Which recording a profile came from: folders are renamed, and others are called alike."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calibration.recording import MANIFEST


def origin(folder: Path) -> dict[str, str | None]:
    """What a profile's card says of the recording that it came from."""
    return {"recording": folder.absolute().name, "recording_identity": _identity(folder)}


def comes_from(training: Mapping[str, Any], folder: Path) -> bool | None:
    """Whether a profile was made of a recording; None where its card does not tell which.

    Args:
        training: of its card; older ones tell the folder's name only, or no more than "".
        folder: of the recording.
    """
    name, identity = training.get("recording"), training.get("recording_identity")
    here = origin(folder)
    if identity and here["recording_identity"]:
        return bool(identity == here["recording_identity"])
    return None if name == "" else bool(name == here["recording"])


def _identity(folder: Path) -> str | None:
    """None where the manifest has none; what else may be wrong with it is said when it is read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return str(manifest["identity"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
