"""What a profile does for its camera, without a truth to compare with; and what to do about it.

What moved is compared with the same places in the camera's sharp frames, by detail of each
direction and fineness (:mod:`calibration.detail_spectrum`); of a sharp frame in which nothing
moves all is judged sharp, and a hand is no wall. On two virtual cameras whose truth is known,
translators that gain 1.5 and 1.7 dB bring a frame nearer to these by 1.3 and 0.6 dB (medians), in
95 % of the frames and more, and one that gains nothing by 0.0. Detail as such, fine steps for the
coarse ones as `calibrate record` measures them, is told beside it: there it is a fifth less for
those that help, as what they take away are the combs of interlacing. The verdict also asks that
what is sharp and what stands still stay as they are, and the pictures are there to be looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.acuity import TILE_PX, Verdict, detail, look_at
from calibration.detail_spectrum import apart_db, detail_spectrum
from calibration.kept_frame import KeptFrame
from calibration.measures import psnr_db

Picture = NDArray[np.uint8]

_NEARER_DB = 0.2
_NEARER_SHARE = 0.7
_MIN_STILL_DB = 38.0
_DARK, _DIM = 60.0, 90.0
_NOISY = 3.0
_VERY_BLURRED = 0.45
_FEW = 100
_HARDLY_CHANGED = 0.5 / 255
_BY_CHANCE = 0.6
_LEARNED_CROPS = 2_000


@dataclass(frozen=True, kw_only=True)
class FrameFigures:
    """One held-out frame of the camera's own blur.

    Attributes:
        detail_deblurred, detail_profile: of the moving part of deblur(x) and deblur(G(x)), over
            that of x.
        apart_deblurred_db, apart_profile_db: of the same from these places in sharp frames.
        still_psnr_db: between x and deblur(G(x)) where nothing moved; None where everything did.
    """

    detail_deblurred: float
    detail_profile: float
    apart_deblurred_db: float
    apart_profile_db: float
    still_psnr_db: float | None

    @property
    def nearer_db(self) -> float:
        """By how much the profile brings what moved nearer to sharp frames."""
        return self.apart_deblurred_db - self.apart_profile_db


@dataclass(frozen=True, kw_only=True)
class ProfileFigures:
    """All held-out frames.

    Attributes:
        frames: those of the camera's own blur.
        sharp_psnr_db: between sharp frames and what the profile makes of them.
    """

    frames: tuple[FrameFigures, ...]
    sharp_psnr_db: tuple[float, ...]

    def median(self, figure: str) -> float:
        """Of a figure over the frames, by its name."""
        return float(np.median([getattr(frame, figure) for frame in self.frames]))

    @property
    def nearer_share(self) -> float:
        """Share of the frames in which the profile brings what moved nearer to sharp frames."""
        return float(np.mean([frame.nearer_db > 0 for frame in self.frames]))

    @property
    def still_psnr_db(self) -> float | None:
        values = [f.still_psnr_db for f in self.frames if f.still_psnr_db is not None]
        return float(np.median(values)) if values else None


@dataclass(frozen=True)
class Finding:
    """Whether the profile helps, and why one thinks so."""

    helps: bool
    reasons: tuple[str, ...]


def wanted_spectrum(
    frame: KeptFrame, sharp: Sequence[tuple[KeptFrame, Picture]]
) -> NDArray[np.float64]:
    """Mean spectrum of the place that a frame shows moving, in sharp frames, float64 (64, 64).

    Args:
        frame: a blurry one.
        sharp: one at least; those of the same clip count where there are any.
    """
    of_the_clip = [picture for other, picture in sharp if other.clip == frame.clip]
    pictures = of_the_clip or [picture for _, picture in sharp]
    spectra = [detail_spectrum(picture, frame.region) for picture in pictures]
    return np.asarray(np.mean(spectra, axis=0))


def frame_figures(
    x: Picture,
    deblurred: Picture,
    profile: Picture,
    region: tuple[int, int, int, int],
    wanted: NDArray[np.float64],
) -> FrameFigures:
    """Compare one frame with what was made of it.

    Args:
        x, deblurred, profile: uint8 (H, W, 3): the frame, deblur(x), deblur(G(x)).
        region: left, top, width and height in pixels of what moved.
        wanted: as of :func:`wanted_spectrum`.
    """
    inside = tiles_of(region, x.shape[:2])
    own, *others = (detail(look_at(p, 0.0), inside).mean() for p in (x, deblurred, profile))
    left, top, width, height = region
    still = np.ones(x.shape[:2], bool)
    margin = TILE_PX
    still[
        max(0, top - margin) : top + height + margin, max(0, left - margin) : left + width + margin
    ] = False
    return FrameFigures(
        detail_deblurred=float(others[0] / max(own, 1e-6)),
        detail_profile=float(others[1] / max(own, 1e-6)),
        apart_deblurred_db=apart_db(detail_spectrum(deblurred, region), wanted),
        apart_profile_db=apart_db(detail_spectrum(profile, region), wanted),
        still_psnr_db=psnr_db(x[still], profile[still]) if still.mean() > 0.05 else None,
    )


def tiles_of(region: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The tiles of a frame that a box covers, at least one."""
    rows, columns = size[0] // TILE_PX, size[1] // TILE_PX
    left, top, width, height = (value // TILE_PX for value in region)
    marked = np.zeros((rows, columns), bool)
    across = slice(min(left, columns - 1), left + max(1, width))
    marked[min(top, rows - 1) : top + max(1, height), across] = True
    return marked


def finding(figures: ProfileFigures) -> Finding:
    """Does it help? It may well say no."""
    if not figures.frames:
        return Finding(False, ("there are no blurry frames to look at: record more movement",))
    nearer, share = figures.median("nearer_db"), figures.nearer_share
    sharp = float(np.median(figures.sharp_psnr_db)) if figures.sharp_psnr_db else None
    still = figures.still_psnr_db
    reasons = [
        f"what moved is {abs(nearer):.1f} dB {'nearer to' if nearer >= 0 else 'further from'} this "
        "camera's sharp frames with the profile than by the deblurrer alone "
        f"({figures.median('apart_deblurred_db'):.1f} dB away; {_NEARER_DB} dB are wanted); it is "
        f"nearer in {100 * share:.0f} % of the frames ({100 * _NEARER_SHARE:.0f} are wanted)"
    ]
    helps = nearer >= _NEARER_DB and share >= _NEARER_SHARE
    for name, value in (("what stands still", still), ("what is sharp", sharp)):
        if value is not None:
            harmless = value >= _MIN_STILL_DB
            helps = helps and harmless
            reasons.append(
                f"{name} {'stays as it is' if harmless else 'is changed, which it should not be'} "
                f"({value:.0f} dB; {_MIN_STILL_DB:.0f} are wanted)"
            )
    return Finding(helps, tuple(reasons))


def instead(training: Mapping[str, Any]) -> str:
    """What to do with a profile that does not help, by what its card tells of its training."""
    told_apart = float(training.get("validation_told_apart", 1.0))
    change = float(training.get("validation_change", 1.0))
    crops = int(training.get("crops", 0))
    if told_apart < _BY_CHANCE and change < _HARDLY_CHANGED and crops >= _LEARNED_CROPS:
        return (
            "Use `blur2blur live 0` without a profile: the deblurrer knows this blur already. The "
            f"discriminator tells it from known blur of the same places by chance after {crops} "
            f"crops (rightly in {100 * told_apart:.0f} %), so the translator leaves pictures as "
            "they are. Longer training will hardly change that."
        )
    return (
        "Use `blur2blur live 0` without a profile until one is better: train for longer, or record "
        "more."
    )


def advice(frames: Sequence[KeptFrame]) -> list[str]:
    """What to do about the blur itself, which beats any network, and about the recording."""
    blurry = [frame for frame in frames if frame.kind == Verdict.BLURRY]
    sharp = [frame for frame in frames if frame.kind == Verdict.SHARP]
    lines = []
    if len(blurry) < _FEW or len(sharp) < _FEW:
        lines.append(
            f"Record more: {len(blurry)} blurry and {len(sharp)} sharp frames are few. Two minutes "
            "of your usual movements give some hundreds; run `calibrate record` on the same folder."
        )
    if frames:
        brightness = float(np.median([frame.brightness for frame in frames]))
        noise = float(np.median([frame.noise for frame in frames]))
        if brightness < _DIM:
            lines.append(
                f"More light: the picture is {'dark' if brightness < _DARK else 'dim'} (mean "
                f"{brightness:.0f} of 255). A camera then exposes for longer, and that is more "
                "blur. A lamp on what moves helps more than any network."
            )
        if noise > _NOISY:
            lines.append(
                f"The picture is noisy ({noise:.1f} steps): the camera amplifies weak light. More "
                "light again; and switch its automatic gain off if it lets you."
            )
    if blurry and float(np.median([frame.acuity for frame in blurry])) < _VERY_BLURRED:
        lines.append(
            "Shorter exposure: the blurred frames have lost more than half of their fine detail. "
            "If the camera lets you set it, choose 1/250 s or shorter, fixed and not automatic."
        )
    if not lines:
        lines.append(
            "Light and noise are fine. Where the camera lets you set it, a shorter exposure still "
            "helps most."
        )
    return lines
