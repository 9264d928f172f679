"""Which frames of a camera are sharp, and which are blurred by motion, by comparing neighbours.

No fixed number tells: a wall is smooth, a lawn is not, and a lens has its own softness. But within
a few seconds a camera sees much the same things. Where a frame, or the part of it that moves, shows
clearly less fine detail for its coarse detail than the same places do at their best in the seconds
around it, motion has blurred it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

TILE_PX = 32
_COARSE_PX = 8
_MIN_CONTRAST = 8.0
"""Root mean square coarse step of a tile, in steps of 8 bit, below which it tells nothing."""
_BEST_SHARE = 0.9
_CAMERA_MOVES = 0.5
_MIN_MOVING_TILES = 2
_REPEATS = 0.5
"""Share of what counts as motion that tiles may change by in a repeat. H.264 changes nine
of ten repeats by no more than 1.1 steps at CRF 23, and 2.2 at 30; a hand-held camera drifts more.
"""
STILL_S = 0.25
"""What shows the same for so long is still; less, and it may be a repeat of one moving frame."""


class Verdict(StrEnum):
    SHARP = "sharp"
    BLURRY = "blurry"
    UNCLEAR = "unclear"


@dataclass(frozen=True, eq=False)
class Look:
    """What is kept of a frame to compare others with.

    Attributes:
        at_s: its time.
        fine, coarse: float32 (2, rows, columns), mean square of the steps between pixels that are
            neighbours, and that are 8 px apart, to the right and down, in each tile.
        small: float32 (4 * rows, 4 * columns), the frame reduced, to see what moves.
    """

    at_s: float
    fine: NDArray[np.float32]
    coarse: NDArray[np.float32]
    small: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Judgement:
    """A frame beside its neighbours.

    Attributes:
        verdict: what it is good for.
        acuity: fine detail of its region over the best of the neighbours', about 0...1.
        region: bool (rows, columns), the tiles that were judged: those that move, or all.
        moving_share: share of the textured tiles that move.
    """

    verdict: Verdict
    acuity: float
    region: NDArray[np.bool_]
    moving_share: float


@dataclass(frozen=True, kw_only=True)
class AcuityRule:
    """Where the lines are drawn.

    Attributes:
        blurry_below: acuity under which a moving region counts as blurred.
        sharp_above: acuity over which a frame counts as sharp.
        motion: mean change of a tile from frame to frame, in steps of 8 bit, that is motion.
    """

    blurry_below: float = 0.8
    sharp_above: float = 0.92
    motion: float = 4.0


def look_at(pixels: NDArray[np.uint8], at_s: float) -> Look:
    """Measure one frame, uint8 (H, W, 3), of at least two tiles a side."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    rows, columns = height // TILE_PX, width // TILE_PX
    calm = cv2.GaussianBlur(grey, (0, 0), 0.7).astype(np.float32)  # noise is detail to nobody
    tiled = grey[: TILE_PX * rows, : TILE_PX * columns]
    size = (4 * columns, 4 * rows)
    small = cv2.resize(tiled, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    fine, coarse = (_step_energies(calm, px, rows, columns) for px in (1, _COARSE_PX))
    return Look(at_s, fine, coarse, small)


def judge(look: Look, neighbours: Sequence[Look], rule: AcuityRule) -> Judgement:
    """Compare a frame with others of the same clip and size.

    Without one that is at least ``STILL_S`` away, as of a photograph, it is unclear: beside itself
    alone everything is sharp.

    Args:
        look: the frame.
        neighbours: those of the seconds around it, in their order, itself or not.
    """
    textured = look.coarse.max(axis=0) > _MIN_CONTRAST**2
    anything_moving = _moving(look, neighbours, rule.motion)
    moving = textured & anything_moving
    moving_share = float(moving.sum() / max(textured.sum(), 1))
    partly = moving.sum() >= _MIN_MOVING_TILES and moving_share < _CAMERA_MOVES
    region = moving if partly else textured
    comparable = any(abs(other.at_s - look.at_s) >= STILL_S for other in neighbours)
    if not (region.any() and comparable):
        return Judgement(Verdict.UNCLEAR, 1.0, region, 0.0)
    own = detail(look, region)
    best = np.quantile([*(detail(other, region) for other in neighbours), own], _BEST_SHARE, axis=0)
    acuity = float((own / np.maximum(best, 1e-6)).min())  # motion blurs in its own direction
    verdict = Verdict.UNCLEAR
    if acuity < rule.blurry_below and moving.sum() >= _MIN_MOVING_TILES:
        verdict = Verdict.BLURRY
    elif acuity > rule.sharp_above and (partly or anything_moving.sum() < _MIN_MOVING_TILES):
        verdict = Verdict.SHARP  # what moves was judged, or nothing does
    return Judgement(verdict, acuity, region, moving_share)


def noise_level(pixels: NDArray[np.uint8]) -> float:
    """Standard deviation of the noise, in steps of 8 bit (Immerkær, CVIU 1996, with a median)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))
    return float(np.median(response)) / (6.0 * 0.6745)


def _moving(look: Look, neighbours: Sequence[Look], motion: float) -> NDArray[np.bool_]:
    """Tiles that changed since the last frame that this one does not repeat.

    Where a clip has begun just before, until the next that does not repeat it.
    """
    rows, columns = look.fine.shape[1:]
    earlier = [other for other in reversed(neighbours) if other.at_s < look.at_s]
    later = [other for other in neighbours if other.at_s > look.at_s]
    for other in (*earlier, *later):
        difference = cv2.absdiff(look.small, other.small)
        change = cv2.resize(difference, (columns, rows), interpolation=cv2.INTER_AREA)
        if (change > _REPEATS * motion).sum() >= _MIN_MOVING_TILES:
            return np.asarray(change > motion)
        if abs(other.at_s - look.at_s) >= STILL_S:
            break
    return np.zeros((rows, columns), bool)


def detail(look: Look, region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fine steps for the coarse ones in a region, to the right and down, (2,)."""
    fine, coarse = look.fine[:, region].sum(axis=1), look.coarse[:, region].sum(axis=1)
    return np.asarray(np.sqrt(fine / np.maximum(coarse, 1e-6)), np.float32)


def _step_energies(
    picture: NDArray[np.float32], distance_px: int, rows: int, columns: int
) -> NDArray[np.float32]:
    right, down = np.zeros_like(picture), np.zeros_like(picture)
    right[:, :-distance_px] = picture[:, distance_px:] - picture[:, :-distance_px]
    down[:-distance_px] = picture[distance_px:] - picture[:-distance_px]
    inside = (slice(rows * TILE_PX), slice(columns * TILE_PX))
    size = (columns, rows)
    tiles = [cv2.resize(s[inside] ** 2, size, interpolation=cv2.INTER_AREA) for s in (right, down)]
    return np.stack(tiles)
