"""The protocol's test pictures: what a camera saw, and what a perfect translator makes of it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_cases import inner
from benchmarks.unknown_domains import UnknownDomain
from calibration.camera import Camera
from calibration.errors import CalibrationError
from calibration.known_blur import KnownBlur
from calibration.pairs import BlurredCrops, PairRecipe
from calibration.photographs import read_photograph

CROP_PX = 256
_SEED = 53

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """A blurred picture, its truth, and the same truth with known blur, of one photograph.

    ``scene`` is the photograph's path.
    """

    scene: str
    blurred: Picture
    truth: Picture
    known: Picture


def make_cases(domain: UnknownDomain, photographs: list[Path], count: int) -> list[Case]:
    """The same pictures every time, as many of each photograph.

    Raises:
        CalibrationError: no photograph is large enough.
    """
    known = replace(KnownBlur(), camera=Camera(max_noise=0.0))  # the chain has its own
    recipe = PairRecipe(crop_px=CROP_PX)
    need = CROP_PX + 2 * domain.margin_px
    large = {path: read_photograph(path) for path in photographs}
    large = {path: p for path, p in large.items() if min(p.shape[:2]) >= need}
    if not large:
        raise CalibrationError(f"no test photograph is at least {need} px on its shorter side")
    crops = [BlurredCrops([picture], recipe, _SEED, 0) for picture in large.values()]
    scenes = [str(path) for path in large]
    cases = []
    for number in range(count):
        of = number % len(large)
        random = np.random.default_rng((_SEED, number))
        window, thing = (crops[of].window(domain.margin_px, random) for _ in range(2))
        view = domain.moving(window, thing, random)
        # the oracle: what a perfect G would make of x, through the camera's noise and codec
        rest = domain.margin_px - known.margin_px
        shaken = known.apply(np.ascontiguousarray(inner(view.around, rest)), random)
        recorded = domain.chain.recorded(np.asarray(shaken / np.float32(255), np.float32), random)
        cases.append(Case(scenes[of], view.blurred, view.truth, recorded))
    return cases
