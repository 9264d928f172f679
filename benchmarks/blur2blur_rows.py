"""The rows of the protocol: what is compared, and what each is made of.

Those of Blur2Blur's table 1 (Pham et al., CVPR 2024) and the controls that it has not. A trained
row is a folder with fp16 weights and a card; what it does not train it takes from the deblurrer of
the known blur.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file, save
from torch import Tensor, nn

from calibration.errors import CalibrationError
from calibration.profile_networks import part_network
from engines.files import write_folder_atomically
from engines.fused import FusedDeblur
from engines.networks import build_network, read_specification
from engines.profile import load_profile

CARD, WEIGHTS = "row.json", "weights.safetensors"
SEEDS = (0, 1, 2)
TRAINED_ROWS = Path(__file__).parent / "rows"
"""What was trained on the photographs of the results in this repository; in a checkout only."""
ROWS_DEBLURRER = TRAINED_ROWS / "deblurrer"
"""The profile that they were trained for: `balanced` until commit 644aeb9, a plain U-Net."""

Part = Literal["translator", "deblurrer"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One of the compared.

    Attributes:
        number: as in the protocol; rows of one number belong together.
        trains: the part that is trained for it, None where nothing is.
        deblurs: whether the deblurrer of the known blur follows the translator.
        control: what the method has to beat.
        seeds: of its trainings.
        shared: trained once, for all domains.
    """

    number: int
    name: str
    about: str
    trains: Part | None = None
    deblurs: bool = True
    control: bool = False
    seeds: tuple[int, ...] = (0,)
    shared: bool = False


ROWS = (
    Row(number=0, name="input", about="as the camera gave it"),
    Row(number=1, name="deblur", about="deblur(x): without a translator, or with G = identity"),
    Row(
        number=1,
        name="rows-averaged",
        about="deblur(x with its rows averaged): who knows that the cameras are interlaced",
    ),
    Row(
        number=2,
        name="blur2blur",
        about="deblur(G(x)): the method",
        trains="translator",
        seeds=SEEDS,
    ),
    Row(
        number=3,
        name="broad",
        about="a deblurrer trained on broad random blur",
        trains="deblurrer",
        shared=True,
    ),
    Row(
        number=4,
        name="direct",
        about="unpaired from blurry to sharp, with the same G, discriminator and losses",
        trains="translator",
        deblurs=False,
    ),
    Row(
        number=5,
        name="supervised",
        about="the deblurrer trained on pairs of this camera: the bound",
        trains="deblurrer",
    ),
    Row(
        number=6,
        name="oracle",
        about="deblur(the truth with known blur): the ceiling of any translator",
    ),
    Row(
        number=7,
        name="no-gan",
        about="deblur(G(x)), G without the adversarial loss",
        trains="translator",
        control=True,
    ),
    Row(
        number=7,
        name="wrong-known",
        about="deblur(G(x)), G towards blur that the deblurrer does not know",
        trains="translator",
        control=True,
    ),
    Row(number=7, name="twice", about="deblur(deblur(x)): more computation alone", control=True),
    Row(
        number=8,
        name="re-blurred",
        about="the deblurrer trained on known blur of this camera's sharp frames",
        trains="deblurrer",
    ),
    Row(
        number=9,
        name="distilled",
        about="one network that was taught deblur(G(x)), of the first seed",
        trains="deblurrer",
    ),
)


def row_folder(root: Path, domain: str, row: Row, seed: int) -> Path:
    """Where a trained row lies."""
    return root / ("shared" if row.shared else domain) / f"{row.name}-{seed}"


def save_row(
    folder: Path,
    part: Part,
    specification: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    card: Mapping[str, Any],
) -> None:
    """Write a trained part, whole or not at all."""

    def fill(draft: Path) -> None:
        halves = {key: value.detach().cpu().half().contiguous() for key, value in weights.items()}
        (draft / WEIGHTS).write_bytes(save(halves))
        content = {"part": part, "specification": dict(specification), "training": dict(card)}
        (draft / CARD).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    write_folder_atomically(folder, fill, known_by=CARD)


def load_part(folder: Path, part: Part) -> tuple[nn.Module, dict[str, Any]]:
    """A trained part and its card.

    Raises:
        CalibrationError: it is not there, or is of another part.
    """
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
    except (OSError, ValueError) as error:
        raise CalibrationError(f"{folder} holds no trained row: {error}") from error
    if card.get("part") != part:
        raise CalibrationError(f"{folder} is a {card.get('part')}, not a {part}")
    network = build_network(card["specification"])
    network.load_state_dict({key: value.float() for key, value in weights.items()})
    return network.eval().requires_grad_(False), card


def row_network(row: Row, folder: Path, deblurrer: str) -> FusedDeblur:
    """What a row does to a frame, uint8 to uint8, as `live` would run it.

    Args:
        folder: of the trained part, for rows that have one.
        deblurrer: profile of the deblurrer of the known blur.

    Raises:
        CalibrationError, ProfileError: a part is missing.
    """
    profile = load_profile(deblurrer)
    parts: dict[Part, nn.Module] = {
        "translator": nn.Identity(),
        "deblurrer": part_network(profile, "deblurrer"),
    }
    multiple = read_specification(profile.card["deblurrer"]).multiple
    if row.trains is not None:
        parts[row.trains], card = load_part(folder, row.trains)
        multiple = lcm(multiple, read_specification(card["specification"]).multiple)
    if not row.deblurs:
        parts = {"translator": nn.Identity(), "deblurrer": parts["translator"]}
    fused = FusedDeblur(parts["translator"], parts["deblurrer"], multiple, profile.left_below)
    return fused.eval().requires_grad_(False)
