"""What the tracker finds in frames that were blurred on purpose, restored in several ways."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hand_cases import BlurredHand, Picture, StillHand, blurred_hands
from benchmarks.wiener import wiener
from calibration.measures import psnr_db
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import load_profile
from stream.deblurring import Deblurring
from stream.frame import Frame
from stream.hands.landmarks import TrackedFrame
from stream.hands.surroundings import SIDES_PX, Surroundings
from stream.hands.tracker_process import TrackerProcess, TrackerSettings

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
METHODS = ("raw", "raw_low_threshold", "deblurred", "gated", "gated_region", "oracle")
LOW_CONFIDENCE = 0.1
_WITHIN_PALMS = 0.2
_SEED = 7


class Restoring:
    """What is done to a blurred frame before the tracker sees it."""

    def __init__(self, profile: str) -> None:
        pool = EnginePool(load_profile(profile), cache=engine_cache())
        self._deblurring = {
            "deblurred": Deblurring(lambda: pool, "on"),
            "gated": Deblurring(lambda: pool, "auto"),
            "gated_region": Deblurring(lambda: pool, "auto"),
        }
        self._deblurring["gated_region"].region_sides = SIDES_PX
        self._number = 0

    def by(self, method: str, blurred: BlurredHand, still: StillHand) -> Picture:
        """The picture; every one is the first of its own source, so that no gate remembers."""
        if method.startswith("raw"):
            return blurred.pixels
        if method == "oracle":
            return wiener(blurred.pixels, blurred.kernel)
        self._number += 1
        frame = Frame(
            pixels=blurred.pixels,
            source=f"{method} {self._number}",
            sequence=0,
            pts_s=0.0,
            captured_ns=0,
            posted_ns=0,
        )
        deblurring = self._deblurring[method]
        if deblurring.region_sides:
            surroundings = Surroundings()
            surroundings.found(_seen(frame, still))
            deblurring.region_of = lambda f: surroundings.at(0.0, f.height, f.width)
        return deblurring.process([frame])[0].pixels


class Judges:
    """Trackers that search every picture anew."""

    def __init__(self, model: Path) -> None:
        self._usual = TrackerProcess(TrackerSettings(model=model, mode="image"))
        self._low = TrackerProcess(
            TrackerSettings(model=model, mode="image", confidence=LOW_CONFIDENCE)
        )

    def __enter__(self) -> "Judges":
        return self

    def __exit__(self, *_: object) -> None:
        self._usual.close()
        self._low.close()

    def judge(self, pixels: Picture, still: StillHand, *, low: bool = False) -> tuple[float, float]:
        """Whether the hand was found, and the share of its landmarks in place."""
        hands = (self._low if low else self._usual).track(pixels, 0.0)
        if not hands:
            return 0.0, 0.0
        errors = [np.linalg.norm((h.points - still.hand.points)[:, :2], axis=1) for h in hands]
        nearest = min(errors, key=lambda error: float(error.mean()))
        return 1.0, float((nearest < _WITHIN_PALMS * still.hand.palm_px).mean())


def level_figures(
    palm: float, hands: list[StillHand], restoring: Restoring, judges: Judges
) -> dict[str, Any]:
    """Of one length of blur, in palms: found hands and PCK in %, by method."""
    scores: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
    gains: dict[str, list[float]] = {method: [] for method in METHODS[2:]}
    for still in hands:
        for blurred in blurred_hands(still, palm, _SEED):
            for method in METHODS:
                pixels = restoring.by(method, blurred, still)
                score = judges.judge(pixels, still, low=method == "raw_low_threshold")
                if method.startswith("gated") and not score[0]:  # as `live --hands` does
                    score = scores["raw"][-1]
                scores[method].append(score)
                if palm and method in gains:
                    gains[method].append(_gain_db(pixels, blurred, still))
    return {
        "palm": palm,
        "pictures": len(scores["raw"]),
        "pck": {name: _percent([share for _, share in rows]) for name, rows in scores.items()},
        "detected": {name: _percent([found for found, _ in rows]) for name, rows in scores.items()},
        "psnr_gain_at_the_hand_db": {
            name: round(float(np.mean(values)), 2) for name, values in gains.items() if values
        },
    }


def _percent(shares: list[float]) -> float:
    return round(100 * float(np.mean(shares)), 1)


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
