from pathlib import Path

import cv2
import pytest
from rich.console import Console

pytest.importorskip("lightning_fabric", reason="needs the extra train")

from benchmarks.pareto import draw_front
from benchmarks.search import main, search
from calibration.pairs import PairRecipe
from calibration.train_deblurrer import DeblurrerTraining
from engines.networks import PlainUNetSpec
from tests.conftest import discs


def test_folder_that_is_not_there_is_said_before_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", tmp_path, "--out", tmp_path / "runs", "--to", tmp_path / "nowhere"]
    monkeypatch.setattr("sys.argv", ["search", *map(str, options)])
    with pytest.raises(SystemExit):
        main()
    assert "the folder" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.long
def test_candidates_get_equal_lessons_and_are_timed(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(4):
        assert cv2.imwrite(str(photographs / f"{number}.png"), discs(number, 360))
    settings = DeblurrerTraining(
        data=(photographs,),
        out=tmp_path / "runs",
        crops=8,
        batch=4,
        validation_crops=2,
        pairs=PairRecipe(crop_px=64),
    )
    shape = {"encoder_blocks": (1, 1), "decoder_blocks": (1,)}
    candidates = {f"w{width}": PlainUNetSpec(width=width, **shape) for width in (4, 8)}
    found = search(settings, candidates, Console(quiet=True))
    assert [(one.name, one.crops) for one in found] == [("w4", 8), ("w8", 8)]
    assert found[0].params < found[1].params
    assert all(one.engine_ms > 0 and one.gmacs > 0 for one in found)
    chart = tmp_path / "front.png"
    draw_front(found, chart)
    assert cv2.imread(str(chart)) is not None
