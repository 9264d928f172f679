"""A frame that a recording kept, as its manifest tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class KeptFrame:
    """An entry of the manifest.

    Attributes:
        file: path in the folder, with slashes.
        clip: which clip or session it is from.
        at_s: its time there.
        acuity: see ``calibration.acuity``.
        region: left, top, width and height in pixels of what was judged: what moved, or all.
        noise: standard deviation in steps of 8 bit.
        brightness: mean, 0...255.
    """

    file: str
    sha256: str
    kind: str
    clip: str
    at_s: float
    acuity: float
    region: tuple[int, int, int, int]
    noise: float
    brightness: float


def spread(frames: list[KeptFrame], count: int) -> list[KeptFrame]:
    """So many of them, or all, from the first to the last."""
    places = np.linspace(0, len(frames) - 1, min(len(frames), count)).round().astype(int)
    return [frames[place] for place in places]


def kept_frame(entry: Mapping[str, Any]) -> KeptFrame:
    """An entry of a manifest; where an earlier version wrote it on Windows, with backslashes."""
    file, region = entry["file"].replace("\\", "/"), tuple(entry["region"])
    return KeptFrame(**{**entry, "file": file, "region": region})
