from pathlib import Path

import cv2

from benchmarks.pareto import Choice, draw_front, pareto_front


def test_front_holds_what_nothing_beats(tmp_path: Path) -> None:
    candidates = [
        Choice("slow and bad", 30, 0.5),
        Choice("fast", 8, 0.4),
        Choice("balanced", 20, 1.0),
        Choice("as fast, worse", 8, 0.3),
        Choice("quality", 100, 1.4),
        Choice("slower than quality, no better", 120, 1.4),
    ]
    assert pareto_front(candidates) == ["fast", "balanced", "quality"]
    draw_front(candidates, tmp_path / "front.png")
    assert cv2.imread(str(tmp_path / "front.png")) is not None
