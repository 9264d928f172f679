"""Training pairs: crops of sharp photographs, blurred in one of the domains, all from a seed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from calibration.camera import Camera, to_linear
from calibration.errors import CalibrationError
from calibration.known_blur import KnownBlur
from calibration.object_motion import ObjectMotion, evened
from calibration.trajectory import Movement
from calibration.webcam import Webcam

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Settings = TypeVar("_Settings", bound="DataclassInstance")
Pictures = NDArray[np.uint8]
Crops = Dataset[tuple[Tensor, Tensor]]
"""Pairs (blurred, sharp), uint8 (3, crop, crop) each."""

_WEBCAM = Camera(compressed_share=0.15)


@dataclass(frozen=True)
class PairRecipe:
    """How a training pair is made.

    Attributes:
        known, moving: the two domains; by default some of the pictures are compressed as well.
        moving_share: share of pairs with a moving object.
        even_share: share of those objects whose surface is as even as skin; the others have as
            much detail as ``min_detail`` asks for.
        sharp_share: share of pairs that are left sharp but for the camera's noise, so that the
            network learns to leave sharp frames alone.
        webcam: what some pairs go through after the exposure.
        crop_px: side of the square crop.
        quarter_turns: pictures are turned by right angles, not only flipped.
        min_scale: photographs are reduced by a random factor between this and 1.
        min_detail: squares whose mean difference of neighbouring pixels is below this (on a
            0...255 scale) hold sky and defocus; three more are drawn before one is taken.
        min_still_detail: the same for what stands still, the background of a moving object and
            the sharp pictures; low, so that what is out of focus is not taken for moved.
        colour_jitter: each channel's gain and gamma are drawn from 1 -/+ this, and channels change
            places; with few photographs a network otherwise learns these by heart.
    """

    known: KnownBlur = KnownBlur(camera=_WEBCAM)
    moving: ObjectMotion = ObjectMotion(camera=_WEBCAM)
    moving_share: float = 0.35
    even_share: float = 0.0
    sharp_share: float = 0.1
    webcam: Webcam = Webcam()
    crop_px: int = 128
    quarter_turns: bool = True
    min_scale: float = 0.4
    min_detail: float = 4.0
    min_still_detail: float = 1.0
    colour_jitter: float = 0.0

    @classmethod
    def told_by(cls, card: Mapping[str, Any], crop_px: int) -> "PairRecipe":
        """How the pairs were made that a profile's deblurrer learned from.

        Args:
            card: of the profile; what it does not tell is as it stands.
            crop_px: as in the recipe.
        """
        told = card.get("training", {}).get("pairs", {})
        return replace(_as_told(cls(), told), crop_px=crop_px)

    @classmethod
    def for_training(
        cls,
        crop_px: int,
        movement: Movement,
        moving_share: float,
        min_detail: float = 8.0,
        even_share: float = 0.0,
        min_size: float = ObjectMotion.min_size,
        webcam_share: float = 0.0,
        objects: Movement | None = None,
    ) -> "PairRecipe":
        """What networks are trained on: detailed crops, which teach most, in any colours.

        Args:
            crop_px, moving_share, min_detail, even_share: as in the recipe.
            movement: of the camera.
            min_size: of objects, as :class:`ObjectMotion` has it.
            webcam_share: share of pairs that a webcam processes.
            objects: how objects move, if otherwise than the camera.
        """
        return cls(
            known=replace(cls.known, **asdict(movement)),
            moving=replace(cls.moving, **asdict(objects or movement), min_size=min_size),
            crop_px=crop_px,
            moving_share=moving_share,
            even_share=even_share,
            webcam=Webcam(share=webcam_share),
            min_detail=min_detail,
            min_scale=0.3,
            colour_jitter=0.35,
        )

    @property
    def margin_px(self) -> int:
        return max(self.known.margin_px, self.moving.margin_px)

    @property
    def need_px(self) -> int:
        """Shorter side of the smallest photograph that a crop and its margin fit in."""
        return self.crop_px + 2 * self.margin_px


@dataclass(frozen=True, eq=False)
class Example:
    """A blurred picture, its truth, and what is known of the movement.

    Attributes:
        blurred, sharp: uint8 (crop, crop, 3).
        path: float64 (steps, 2), the trajectory in pixels around mid-exposure; None if nothing
            moved.
        presence: float32 (crop, crop), the share of the exposure in which each pixel saw what
            moved; None if all did.
    """

    blurred: Pictures
    sharp: Pictures
    path: NDArray[np.float64] | None = None
    presence: NDArray[np.float32] | None = None


def _as_told(settings: _Settings, told: Mapping[str, Any]) -> _Settings:
    """A dataclass, with what a card tells of it and of those within it."""
    changed: dict[str, Any] = {}
    for field in fields(settings):
        value = told.get(field.name)
        if value is None:
            continue
        if isinstance(value, Mapping):
            value = _as_told(getattr(settings, field.name), value)
        changed[field.name] = tuple(value) if isinstance(value, list) else value
    return replace(settings, **changed)


class BlurredCrops(Crops):
    """Pairs (blurred, sharp), uint8 (3, crop, crop); pair ``i`` depends on the seed and ``i`` only.

    Args:
        photographs: uint8 (H, W, 3) each.
        length: number of pairs; more may be drawn, the number bounds an epoch.
    """

    def __init__(
        self, photographs: list[Pictures], recipe: PairRecipe, seed: int, length: int
    ) -> None:
        self.recipe = recipe
        self.seed = seed
        self.length = length
        if recipe.webcam.share and recipe.crop_px % 2:
            raise CalibrationError(f"codecs take crops of even sides, not {recipe.crop_px} px")
        need = recipe.need_px
        self.photographs = [p for p in photographs if min(p.shape[:2]) >= need]
        if not self.photographs:
            raise CalibrationError(f"no photograph is at least {need} px on its shorter side")

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        blurred, sharp = self.pair(np.random.default_rng((self.seed, index)))
        return to_tensor(blurred), to_tensor(sharp)

    def pair(self, random: np.random.Generator) -> tuple[Pictures, Pictures]:
        """A blurred picture and its truth, uint8 (crop, crop, 3) both."""
        example = self.example(random)
        return example.blurred, example.sharp

    def example(self, random: np.random.Generator) -> "Example":
        """A pair, and what moved in it."""
        exposed = self._exposed(random)
        blurred, sharp = self.recipe.webcam.processed(exposed.blurred, exposed.sharp, random)
        return replace(exposed, blurred=blurred, sharp=sharp)

    def _exposed(self, random: np.random.Generator) -> "Example":
        """The same, as it leaves the sensor."""
        recipe = self.recipe
        kind = random.random()
        if kind < recipe.sharp_share:
            sharp = self.window(0, random, recipe.min_still_detail)
            return Example(recipe.known.camera.expose(to_linear(sharp), random), sharp)
        if kind < recipe.sharp_share + recipe.moving_share:
            margin = recipe.moving.margin_px
            background = self.window(margin, random, recipe.min_still_detail)
            surface = self.surface(margin, random, background)
            scene = recipe.moving.apply(background, surface, random)
            return Example(scene.blurred, scene.sharp, scene.path, scene.presence)
        margin = recipe.known.margin_px
        window = self.window(margin, random)
        blurred, path = recipe.known.apply_and_tell(window, random)
        return Example(blurred, window[margin:-margin, margin:-margin], path)

    def surface(self, margin: int, random: np.random.Generator, still: Pictures) -> Pictures:
        """What a moving object is cut out of, of the size of what stands still behind it."""
        if self.recipe.even_share and random.random() < self.recipe.even_share:
            return evened(self.window(margin, random, min_detail=0.0), still, random)
        return self.window(margin, random)

    def window(
        self, margin: int, random: np.random.Generator, min_detail: float | None = None
    ) -> Pictures:
        """A sharp square of the crop's side and a margin around it, scaled, flipped and turned.

        Args:
            margin: in pixels.
            random: of place, scale and position.
            min_detail: as in the recipe, if another.
        """
        side = self.recipe.crop_px + 2 * margin
        wanted = self.recipe.min_detail if min_detail is None else min_detail
        for _ in range(4):
            window = self.cut(side, random)
            if detail(window[::2, ::2]) >= wanted:
                break
        if len(window) != side:
            resized = cv2.resize(window, (side, side), interpolation=cv2.INTER_AREA)
            window = np.asarray(resized, np.uint8)
        if self.recipe.quarter_turns:
            window = np.rot90(window, int(random.integers(4)))
        window = np.ascontiguousarray(window[:, ::-1] if random.random() < 0.5 else window)
        if self.recipe.colour_jitter:
            window = recoloured(window, self.recipe.colour_jitter, random)
        return window

    def cut(self, side: int, random: np.random.Generator) -> Pictures:
        """A square of a photograph that is to be reduced to ``side`` pixels, or has as many."""
        photograph = self.photographs[random.integers(len(self.photographs))]
        shorter = min(photograph.shape[:2])
        scale = random.uniform(max(self.recipe.min_scale, side / shorter), 1.0)
        taken = min(round(side / scale), shorter)
        top = random.integers(photograph.shape[0] - taken + 1)
        left = random.integers(photograph.shape[1] - taken + 1)
        return photograph[top : top + taken, left : left + taken]


def passed_on(card: Mapping[str, Any]) -> dict[str, Any]:
    """Of a deblurrer's card what is true of a network that holds it, or learned from its answers.

    Returns:
        The photographs that it saw, and the blur that it knows, where the card tells of them.
    """
    training = card.get("training", {})
    return {name: training[name] for name in ("data", "pairs") if name in training}


def recoloured(picture: Pictures, jitter: float, random: np.random.Generator) -> Pictures:
    """Other colours for the same shapes: channels change places, gains and gammas."""
    gains, gammas = random.uniform(1 - jitter, 1 + jitter, (2, 3))
    values = np.linspace(0.0, 1.0, 256)[:, None] ** gammas * gains
    table = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)[:, None, :]
    order = random.permutation(3) if random.random() < 0.5 else np.arange(3)
    return np.asarray(cv2.LUT(np.ascontiguousarray(picture[:, :, order]), table), np.uint8)


def detail(picture: Pictures) -> float:
    """Mean absolute difference of horizontally neighbouring green values, 0...255."""
    green = picture[:, :, 1]
    return float(cv2.absdiff(green[:, 1:], green[:, :-1]).mean())


def to_tensor(picture: Pictures) -> Tensor:
    """uint8 (H, W, 3) to uint8 (3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
