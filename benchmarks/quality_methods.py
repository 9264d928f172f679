"""What restores pictures in the comparison: networks, and what there was before them."""

import statistics as st
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.engine import bare_times_ms
from benchmarks.quality_cases import CROP_PX, Picture
from benchmarks.wiener import wiener
from calibration.profile_networks import part_network, restored
from engines.engine import EngineShape
from engines.folders import engine_cache
from engines.fused import FusedDeblur
from engines.networks import MotionUNet
from engines.networks.cost import multiply_accumulates
from engines.networks.motion_unet import CELL_PX
from engines.profile import Profile
from engines.selection import choose_engine

_TIMED_FRAMES = 60
_TIMED_S = 5.0


@dataclass(frozen=True)
class Method:
    """Something that restores pictures, and what it costs.

    Attributes:
        name: of its row.
        restore: may look at the kernel.
        restore_told: what a network that looks for motion makes of a picture when it is told how
            often things were at each displacement, instead of finding that out.
        precision, params, gmacs, engine_ms: of a network.
    """

    name: str
    restore: Callable[[Picture, NDArray[np.float32] | None], Picture]
    restore_told: Callable[[Picture, NDArray[np.float32]], Picture] | None = None
    precision: str | None = None
    params: int | None = None
    gmacs: float | None = None
    engine_ms: float | None = None


def network_method(profile: Profile, name: str) -> Method:
    """A shipped network: its pictures and its time are those of the engine that `live` takes."""
    crop = EngineShape(height=CROP_PX, width=CROP_PX)
    engine = choose_engine(profile, crop, cache=engine_cache()).engine
    parts = [part_network(profile, part) for part in ("translator", "deblurrer")]
    params, gmacs = network_cost(parts)
    return Method(
        name,
        lambda blurred, _: engine(blurred[None])[0],
        _restore_told(profile),
        precision=engine.facts.precision,
        params=params,
        gmacs=gmacs,
        engine_ms=round(_engine_ms(profile), 2),
    )


def network_cost(parts: Sequence[nn.Module]) -> tuple[int, float]:
    """Parameters, and billions of multiply-accumulates at 640x480, of networks together."""
    params = sum(p.numel() for part in parts for p in part.parameters())
    return params, round(sum(multiply_accumulates(part, 480, 640) for part in parts) / 1e9, 2)


def _restore_told(
    profile: Profile,
) -> Callable[[Picture, NDArray[np.float32]], Picture] | None:
    translator, deblurrer = (part_network(profile, part) for part in ("translator", "deblurrer"))
    if not isinstance(deblurrer, MotionUNet):
        return None
    multiple = int(profile.card["multiple"])

    def restore(blurred: Picture, displacements: NDArray[np.float32]) -> Picture:
        told = _Told(deblurrer, torch.from_numpy(displacements))
        return restored(FusedDeblur(translator, told, multiple, profile.left_below), blurred)

    return restore


class _Told(nn.Module):
    """A network that is told how often things were at each displacement, the same everywhere."""

    def __init__(self, network: MotionUNet, displacements: Tensor) -> None:
        super().__init__()
        self.network = network
        self.displacements = displacements

    def forward(self, x: Tensor) -> Tensor:
        cells = [side // CELL_PX for side in x.shape[2:]]
        told = self.displacements[None, :, None, None].expand(len(x), -1, *cells)
        return x + self.network.restore(x, told, torch.ones(len(x), dtype=torch.bool)).correction


def _engine_ms(profile: Profile) -> float:
    """Median of the bare engine at 640x480, in the precision that `live` takes here."""
    chosen = choose_engine(profile, EngineShape(height=480, width=640), cache=engine_cache())
    return st.median(bare_times_ms(chosen.engine, _TIMED_FRAMES, within_s=_TIMED_S))


def classical_methods() -> list[Method]:
    return [Method("unsharp", _unsharp), Method("wiener", _wiener)]


def _unsharp(blurred: Picture, _: NDArray[np.float32] | None) -> Picture:
    from skimage.filters import unsharp_mask

    sharper = unsharp_mask(blurred, radius=2.0, amount=1.0, channel_axis=2)  # type: ignore[no-untyped-call]
    return np.asarray(np.rint(255 * np.clip(sharper, 0, 1)), np.uint8)


def _wiener(blurred: Picture, kernel: NDArray[np.float32] | None) -> Picture:
    return blurred if kernel is None else wiener(blurred, kernel)
