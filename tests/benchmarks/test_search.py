from pathlib import Path

import cv2

from benchmarks.search import Found, draw, pareto_front


def found(name: str, ms: float, gain: float) -> Found:
    return Found(name=name, params=1, gmacs=1.0, engine_ms=ms, crops=1, psnr_gain_db=gain)


def test_front_holds_what_nothing_beats(tmp_path: Path) -> None:
    candidates = [
        found("slow and bad", 30, 0.5),
        found("fast", 8, 0.4),
        found("balanced", 20, 1.0),
        found("as fast, worse", 8, 0.3),
        found("quality", 100, 1.4),
        found("slower than quality, no better", 120, 1.4),
    ]
    assert pareto_front(candidates) == ["fast", "balanced", "quality"]
    draw(candidates, tmp_path / "front.png")
    assert cv2.imread(str(tmp_path / "front.png")) is not None
