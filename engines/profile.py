"""A camera profile on disk: weights, their exported graph, a card, and a golden sample.

A profile is a folder::

    profile.json         the card: format, architectures, checksums, how the weights came about
    weights.safetensors  fp16 tensors ``translator.*`` and ``deblurrer.*``
    fused.onnx           the same weights as a graph, uint8 (N, H, W, 3) in and out
    golden.npz           ``frames`` and what fp32 torch made of them, ``deblurred``

Reading one needs no torch.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from engines.errors import ProfileError
from engines.files import sha256_of
from engines.folders import user_profiles

FORMAT = 1
CARD = "profile.json"
WEIGHTS = "weights.safetensors"
GRAPH = "fused.onnx"
GOLDEN = "golden.npz"
DEFAULT_PROFILE = "balanced"
LEFT_BELOW = 0.8
"""Mean corrections below this many steps of 8 bit are not made, where a card says nothing else."""

_SHIPPED = Path(__file__).parent / "profiles"
_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class Profile:
    """A checked profile. ``card`` is the parsed ``profile.json``."""

    folder: Path
    card: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What its user calls it: one that was imported may be called otherwise on its card."""
        told: str = self.card["name"]
        folder = self.folder.absolute()
        return folder.name if folder.parent == user_profiles() else told

    @property
    def graph(self) -> Path:
        return self.folder / GRAPH

    @property
    def graph_sha256(self) -> str:
        return str(self.card["sha256"][GRAPH])

    @property
    def weights_sha256(self) -> str:
        return str(self.card["sha256"][WEIGHTS])

    @property
    def left_below(self) -> float:
        """See :func:`engines.fused.keep_still`."""
        return float(self.card.get("left_below", LEFT_BELOW))

    @cached_property
    def weights(self) -> dict[str, NDArray[np.floating]]:
        return _read_weights(self.folder / WEIGHTS)

    @cached_property
    def golden(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Frames and what fp32 torch makes of them, uint8 (N, H, W, 3) both.

        Raises:
            ProfileError: they are not.
        """
        path = self.folder / GOLDEN
        try:
            with np.load(path, allow_pickle=False) as golden:
                frames, deblurred = golden["frames"], golden["deblurred"]
        except Exception as error:  # bytes that are no arrays fail in every way there is
            raise ProfileError(f"{path} cannot be read ({error}); make the profile again") from None
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape != deblurred.shape:
            raise ProfileError(f"{path} holds no frames; make the profile again")
        return frames, deblurred


def load_profile(name_or_folder: str) -> Profile:
    """Find a profile by name or folder and check it.

    A word alone is a name first: a recording of the same name may lie in the working directory.

    Raises:
        ProfileError: it is not there, of another format, damaged, or holds weights that are not
            finite numbers.
    """
    folder = _find(name_or_folder)
    card = read_card(folder)
    for file, expected in card["sha256"].items():
        path = folder / file
        if not path.is_file():
            raise ProfileError(f"profile {folder} lacks {file}; make or import it again")
        if sha256_of(path) != expected:
            raise ProfileError(
                f"profile {folder} is damaged: {file} does not match its checksum; "
                "make or import it again"
            )
    profile = Profile(folder, card)
    for name, tensor in profile.weights.items():
        if not np.isfinite(tensor).all():
            raise ProfileError(
                f"profile {folder} holds weights that are not finite numbers ({name}); "
                "train or import it again"
            )
    return profile


def profile_names() -> list[str]:
    """Names that :func:`load_profile` knows: the shipped ones and the user's own."""
    folders = [f for root in (_SHIPPED, user_profiles()) if root.is_dir() for f in root.iterdir()]
    return sorted({f.name for f in folders if (f / CARD).is_file()})


def own_profile_folder(name: str) -> Path:
    """Where a new profile of the user's own goes.

    Raises:
        ProfileError: it cannot be called so, or is called as one that ships: that would be taken
            instead everywhere from then on.
    """
    check_profile_name(name)
    return user_profiles() / name


def new_profile_folder(name: str) -> Path:
    """Where a profile of the user's own goes that takes no other's place.

    Raises:
        ProfileError: as of :func:`own_profile_folder`, or there is one of that name.
    """
    folder = own_profile_folder(name)
    if folder.exists():
        raise ProfileError(
            f"there is a profile {name} already; say another name, or remove {folder}"
        )
    return folder


def check_profile_name(name: str) -> None:
    """See :func:`own_profile_folder`."""
    if not _NAME.fullmatch(name):
        raise ProfileError(
            f"{name!r} is no name for a profile: say one of letters, digits, _, - and ., the first "
            "neither - nor ."
        )
    if (_SHIPPED / name / CARD).is_file():
        raise ProfileError(f"{name} is a profile that ships; say another name")


def _find(name_or_folder: str) -> Path:
    given = Path(name_or_folder)
    if _NAME.fullmatch(name_or_folder):
        for root in (user_profiles(), _SHIPPED):
            if (root / name_or_folder / CARD).is_file():
                return root / name_or_folder
    known = ", ".join(profile_names()) or "none"
    if not given.is_dir():
        raise ProfileError(f"no profile {name_or_folder!r}: neither a folder nor one of {known}")
    if not (given / CARD).is_file():
        raise ProfileError(
            f"the folder {given} is not a profile, as it has no {CARD}, and there is none of that "
            f"name, only {known}"
        )
    return given


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a profile's folder, whose other files are not looked at.

    Raises:
        ProfileError: it is missing, damaged, or of another format.
    """
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProfileError(f"{folder} is not a profile: it has no {CARD}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ProfileError(f"{path} cannot be read as a profile's card: {error}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        seen = card.get("format") if isinstance(card, dict) else type(card).__name__
        raise ProfileError(
            f"{path} is of format {seen!r}; this version reads format {FORMAT}: "
            "install the version that made it, or make it again"
        )
    sums = card.get("sha256")
    complete = isinstance(sums, dict) and {WEIGHTS, GRAPH, GOLDEN} <= sums.keys()
    if not complete or not {"name", "translator", "deblurrer"} <= card.keys():
        raise ProfileError(f"{path} is incomplete; make or import the profile again")
    networks = [card["translator"], card["deblurrer"]]
    told = all(isinstance(n, dict) and isinstance(n.get("architecture"), str) for n in networks)
    if not told or not isinstance(card["name"], str):
        raise ProfileError(f"{path} does not tell its name and networks; make the profile again")
    multiple = card.get("multiple")
    if not isinstance(multiple, int) or multiple < 1:
        raise ProfileError(f"{path} says multiple {multiple!r}; make the profile again")
    left_below = card.get("left_below", LEFT_BELOW)
    if not isinstance(left_below, int | float) or not 0 < left_below < 256:
        raise ProfileError(f"{path} says left_below {left_below!r}; make the profile again")
    return card


def _read_weights(path: Path) -> dict[str, NDArray[np.floating]]:
    try:
        with safe_open(path, framework="numpy") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ProfileError(f"{path} is not a safetensors file: {error}") from error
    except (AttributeError, TypeError):  # NumPy knows them where ml_dtypes is loaded only
        weights = None
    if weights is None or any(w.dtype.isbuiltin != 1 for w in weights.values()):
        raise ProfileError(
            f"{path} holds weights of a kind that is not read, such as bf16 or fp8; "
            "make the profile again with fp16 or fp32"
        )
    return weights
