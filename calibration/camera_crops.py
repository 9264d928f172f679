"""Unpaired crops of one camera: its own blur, and the known blur made of its sharp frames.

Both come from the same camera at the same scale and show the same places, and the known blur is
given the noise back that it took away, so that blur is all that differs. Where known blur was made
anywhere in the sharp frames, of things cut out of others, it had a tenth less fine detail than a
webcam's blurry frames, which show hands and not walls. So the discriminator asked for softer
pictures, and G did it the favour. Made of what moved in the sharp frames it had a third more, and G
drew detail.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from calibration.acuity import Verdict
from calibration.camera import Camera
from calibration.errors import CalibrationError
from calibration.kept_frame import KeptFrame
from calibration.known_blur import KnownBlur
from calibration.object_motion import ObjectMotion
from calibration.pairs import BlurredCrops, Example, PairRecipe, Pictures, to_tensor
from calibration.recording import CalibrationRecording
from calibration.trajectory import rasterise

_WHOLE_FRAME = 0.5
"""Regions of at least this share of the frame mean that the camera moved, not a thing before it."""


class CameraCrops(Dataset[tuple[Tensor, Tensor]]):
    """Crops (unknown blur, known blur), uint8 (3, crop, crop); number i depends on the seed and i.

    Args:
        recording: what the camera saw.
        held_out: clips whose frames are left out.
        length: number of crops; more may be drawn.
        known, moving: the deblurrer's two domains; what moves gets this camera's noise instead of
            theirs. Where the first holds how things move, there is no second.

    Raises:
        CalibrationError: the recording lacks sharp or blurry frames, or they are too small.
    """

    def __init__(
        self,
        recording: CalibrationRecording,
        *,
        crop_px: int,
        seed: int,
        length: int,
        held_out: frozenset[str] = frozenset(),
        known: KnownBlur | None = None,
        moving: ObjectMotion | None = None,
    ) -> None:
        frames = [frame for frame in recording.frames if frame.clip not in held_out]
        blurry = [frame for frame in frames if frame.kind == Verdict.BLURRY]
        sharp = [(f, recording.read(f)) for f in frames if f.kind == Verdict.SHARP]
        if not blurry or not sharp:
            raise CalibrationError(
                f"{recording.folder} has {len(blurry)} blurry and {len(sharp)} sharp frames to "
                "train on; record more: `blur2blur calibrate record`"
            )
        self.seed = seed
        self.length = length
        self.crop_px = crop_px
        self._blurry = [(frame, recording.read(frame)) for frame in blurry]
        camera = Camera(max_noise=0.0)  # sharp frames have their noise already
        recipe = PairRecipe(
            known=replace(known or KnownBlur(), camera=camera),
            moving=replace(moving or ObjectMotion(), camera=camera, shaded=False),
            moving_share=0.0 if known is not None and known.holds_objects else self.moving_share,
            sharp_share=0.0,
            crop_px=crop_px,
            quarter_turns=False,
            min_scale=1.0,
        )
        if not any(min(picture.shape[:2]) >= recipe.need_px for _, picture in sharp):
            height, width = sharp[0][1].shape[:2]
            raise CalibrationError(
                f"{recording.folder} holds frames of {width}x{height}, and crops with the reach of "
                f"the blur that this deblurrer knows take {recipe.need_px} px on the shorter side; "
                "record larger ones into another folder: `blur2blur calibrate record --size`"
            )
        self.known = _SamePlaces(blurry, sharp, recipe, seed, length)

    def with_seed(self, seed: int) -> "CameraCrops":
        """Other crops of the same frames, which are held once."""
        other = copy(self)
        other.seed = seed
        other.known = copy(self.known)
        other.known.seed = seed
        return other

    @property
    def moving_share(self) -> float:
        """Share of the blurry frames in which a thing moved before a still background."""
        small = [_share(frame, picture) < _WHOLE_FRAME for frame, picture in self._blurry]
        return float(np.mean(small))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((self.seed, index, 1))
        known, _ = self.known[index]
        return to_tensor(self.unknown(random)), known

    def unknown(self, random: np.random.Generator) -> Pictures:
        """A crop of a blurry frame that shows what moved."""
        frame, picture = self._blurry[random.integers(len(self._blurry))]
        if min(picture.shape[:2]) < self.crop_px:
            raise CalibrationError(f"frames are smaller than crops of {self.crop_px} px")
        crop = _somewhere_in(frame.region, picture, self.crop_px, random)
        return np.ascontiguousarray(crop[:, ::-1] if random.random() < 0.5 else crop)


class _SamePlaces(BlurredCrops):
    """Known blur of the places that blurry frames show, in sharp frames of the same clips.

    Where a thing moves it is a part of that place, not something of another.
    """

    def __init__(
        self,
        blurry: Sequence[KeptFrame],
        sharp: Sequence[tuple[KeptFrame, Pictures]],
        recipe: PairRecipe,
        seed: int,
        length: int,
    ) -> None:
        super().__init__([picture for _, picture in sharp], recipe, seed, length)
        clips: dict[str, list[Pictures]] = {}
        for frame, picture in sharp:
            if min(picture.shape[:2]) >= recipe.need_px:
                clips.setdefault(frame.clip, []).append(picture)
        self._places = [(f.region, clips.get(f.clip, self.photographs)) for f in blurry]
        self._noises = [f.noise for f in blurry]

    def example(self, random: np.random.Generator) -> Example:
        made = super().example(random)
        noise = self._noises[random.integers(len(self._noises))]
        return replace(made, blurred=_noisy_again(made, noise, random))

    def cut(self, side: int, random: np.random.Generator) -> Pictures:
        region, pictures = self._places[random.integers(len(self._places))]
        return _somewhere_in(region, pictures[random.integers(len(pictures))], side, random)

    def surface(self, margin: int, random: np.random.Generator, still: Pictures) -> Pictures:
        return still


def open_camera_crops(
    recording: CalibrationRecording,
    held_out: frozenset[str],
    *,
    crop_px: int,
    seed: int,
    length: int,
    known: KnownBlur | None = None,
    moving: ObjectMotion | None = None,
) -> tuple[CameraCrops, CameraCrops]:
    """Crops to train on, and others to validate on: of the clips held out, where there are any."""
    clips = frozenset(frame.clip for frame in recording.frames)
    if unknown := held_out - clips:
        raise CalibrationError(
            f"{recording.folder} has no clip {', '.join(sorted(unknown))}; "
            f"it has {', '.join(sorted(clips))}"
        )

    def crops(seed: int, left_out: frozenset[str]) -> CameraCrops:
        return CameraCrops(
            recording,
            crop_px=crop_px,
            seed=seed,
            length=length,
            held_out=left_out,
            known=known,
            moving=moving,
        )

    training = crops(seed, held_out)
    checked = crops(seed + 1, clips - held_out) if held_out else training.with_seed(seed + 1)
    return training, checked


def last_whole_clip(recording: CalibrationRecording) -> frozenset[str]:
    """What to hold out if nobody says: the last of several clips that hold frames of both kinds."""
    kinds: dict[str, set[str]] = {}
    for frame in recording.frames:
        kinds.setdefault(frame.clip, set()).add(frame.kind)
    whole = [clip for clip, seen in kinds.items() if len(seen) == 2]
    return frozenset(whole[-1:]) if len(whole) > 1 else frozenset()


def square_around(picture: Pictures, x: float, y: float, side: int) -> Pictures:
    """The square whose middle is there, or as near as the picture allows."""
    left = int(np.clip(round(x - side / 2), 0, picture.shape[1] - side))
    top = int(np.clip(round(y - side / 2), 0, picture.shape[0] - side))
    return picture[top : top + side, left : left + side]


def _noisy_again(made: Example, noise: float, random: np.random.Generator) -> Pictures:
    """Known blur with the noise back that it took away.

    Args:
        made: without noise of its own.
        noise: standard deviation of luma, in steps of 8 bit, as it was measured.
        random: of the noise, which is grey: of luma alone it is known how much there is.
    """
    lost = np.maximum(0.0, 1.0 - _kept_noise(made))
    grey = noise * np.sqrt(lost) * random.standard_normal(made.blurred.shape[:2])
    return np.asarray(np.clip(np.rint(made.blurred + grey[:, :, None]), 0, 255), np.uint8)


def _kept_noise(made: Example) -> NDArray[np.floating] | float:
    """The share of the sharp frame's variance of noise that is left: the sum of squared weights.

    Those are of each pixel itself, by what stood still and by what was there at mid-exposure, and
    of others, by what passed; little of it where things moved far. Where the path is not known it
    is taken to be far.
    """
    own, squares = 0.0, 0.0
    if made.path is not None:
        kernel = rasterise(made.path)
        own, squares = float(kernel[len(kernel) // 2, len(kernel) // 2]), float(np.sum(kernel**2))
    moved = 1.0 if made.presence is None else made.presence
    return (1.0 - moved + moved * own) ** 2 + moved**2 * (squares - own**2)


def _somewhere_in(
    region: tuple[int, int, int, int], picture: Pictures, side: int, random: np.random.Generator
) -> Pictures:
    """A square around a place in a box (left, top, width, height)."""
    left, top, width, height = region
    x, y = random.uniform(left, left + width), random.uniform(top, top + height)
    return square_around(picture, x, y, side)


def _share(frame: KeptFrame, picture: Pictures) -> float:
    _, _, width, height = frame.region
    return width * height / float(picture.shape[0] * picture.shape[1])
