"""What the tracker finds in frames that were blurred on purpose, restored in several ways."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hand_cases import BlurredHand, Picture, StillHand, blurred_hands
from calibration.camera import to_display, to_linear
from calibration.measures import psnr_db
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import load_profile
from stream.deblurring import Deblurring
from stream.frame import Frame
from stream.hands.landmarks import TrackedFrame
from stream.hands.surroundings import SIDES_PX, Surroundings
from stream.hands.tracker_process import TrackerProcess, TrackerSettings

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
METHODS = ("raw", "content with less", "deblurred", "deblurred, region", "oracle")
_WITHIN_PALMS = 0.2
LOW_CONFIDENCE = 0.1
_ORACLE_STEPS = 30
_SEED = 7


class Restoring:
    """What is done to a blurred frame before the tracker sees it."""

    def __init__(self, profile: str) -> None:
        pool = EnginePool(load_profile(profile), cache=engine_cache())
        self._whole = Deblurring(lambda: pool, "auto")
        self._region = Deblurring(lambda: pool, "auto")
        self._region.region_sides = SIDES_PX
        self._number = 0

    def by(self, method: str, blurred: BlurredHand, still: StillHand) -> Picture:
        """The picture; every one is the first of its own source, so that no gate remembers."""
        self._number += 1
        frame = Frame(
            pixels=blurred.pixels,
            source=f"{method} {self._number}",
            sequence=0,
            pts_s=0.0,
            captured_ns=0,
            posted_ns=0,
        )
        if method == "oracle":
            return oracle(blurred, still)
        if method == "deblurred, region":
            surroundings = Surroundings()
            surroundings.found(_seen(frame, still))
            self._region.region_of = lambda f: surroundings.at(0.0, f.height, f.width)
            return self._region.process([frame])[0].pixels
        return self._whole.process([frame])[0].pixels


class Judges:
    """Trackers that search every picture anew."""

    def __init__(self, model: Path) -> None:
        self._usual = TrackerProcess(TrackerSettings(model=model, mode="image"))
        self._content = TrackerProcess(
            TrackerSettings(model=model, mode="image", confidence=LOW_CONFIDENCE)
        )

    def __enter__(self) -> "Judges":
        return self

    def __exit__(self, *_: object) -> None:
        self._usual.close()
        self._content.close()

    def judge(self, pixels: Picture, still: StillHand, *, content: bool) -> tuple[float, float]:
        """Whether the hand was found, and the share of its landmarks in place."""
        hands = (self._content if content else self._usual).track(pixels, 0.0)
        if not hands:
            return 0.0, 0.0
        errors = [np.linalg.norm((h.points - still.hand.points)[:, :2], axis=1) for h in hands]
        nearest = min(errors, key=lambda error: float(error.mean()))
        return 1.0, float((nearest < _WITHIN_PALMS * still.hand.palm_px).mean())


def level_figures(
    level: float, hands: list[StillHand], restoring: Restoring, judges: Judges
) -> dict[str, Any]:
    """Of one length of blur, in palms: found hands and PCK in %, by method."""
    scores: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    gains: dict[str, list[float]] = {method: [] for method in ("deblurred", "deblurred, region")}
    for still in hands:
        for blurred in blurred_hands(still, level, _SEED):
            for method in METHODS:
                content = method == "content with less"
                pixels = blurred.pixels
                if method != "raw" and not content:
                    pixels = restoring.by(method, blurred, still)
                score = judges.judge(pixels, still, content=content)
                if method.startswith("deblurred") and not score[0]:  # as `live --hands` does
                    score = judges.judge(blurred.pixels, still, content=False)
                scores[method].append(score)
                if method in gains and level:
                    gains[method].append(_gain_db(pixels, blurred, still))
    return {
        "blur_palms": level,
        "pictures": len(scores["raw"]),
        "methods": {
            method: {
                "detected": round(100 * float(np.mean([found for found, _ in values])), 1),
                "pck": round(100 * float(np.mean([share for _, share in values])), 1),
            }
            for method, values in scores.items()
        },
        "psnr_gain_at_the_hand_db": {
            method: round(float(np.mean(values)), 2) for method, values in gains.items() if values
        },
    }


def oracle(blurred: BlurredHand, still: StillHand) -> Picture:
    """Richardson's and Lucy's deconvolution with the true kernel, around the hand."""
    from skimage.restoration import richardson_lucy

    points = still.hand.points[:, :2]
    margin = still.hand.palm_px + len(blurred.kernel)
    low = np.maximum(points.min(0) - margin, 0).astype(int)
    high = (points.max(0) + margin).astype(int)
    place = (slice(low[1], high[1]), slice(low[0], high[0]))
    light = to_linear(blurred.pixels)[place]
    channels = [
        richardson_lucy(light[:, :, c], blurred.kernel, _ORACLE_STEPS, clip=False)  # type: ignore[no-untyped-call]
        for c in range(3)
    ]
    restored = blurred.pixels.copy()
    restored[place] = to_display(np.stack(channels, axis=2).astype(np.float32))
    return restored


def _gain_db(pixels: Picture, blurred: BlurredHand, still: StillHand) -> float:
    """How much nearer to the sharp frame, where the hand is."""
    points = still.hand.points[:, :2]
    low, high = np.maximum(points.min(0), 0).astype(int), points.max(0).astype(int) + 1
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    truth = still.pixels[rows, columns]
    return psnr_db(pixels[rows, columns], truth) - psnr_db(blurred.pixels[rows, columns], truth)


def _seen(frame: Frame, still: StillHand) -> TrackedFrame:
    return TrackedFrame(
        source=frame.source,
        sequence=0,
        pts_s=0.0,
        captured_ns=0,
        blur=None,
        bypassed=False,
        deblurred=(still.hand,),
        raw=None,
        finished_ns=0,
        tracker_ms=0.0,
    )
