from pathlib import Path

import cv2
import numpy as np

from calibration.blur_sheet import write_blur_sheet
from tests.conftest import blur2blur, discs


def test_sheet_has_a_row_of_kernels_and_two_of_each_domain(tmp_path: Path) -> None:
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), discs(number, 320))
    sheet = tmp_path / "sheet.png"
    write_blur_sheet(sheet, [tmp_path])
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.shape == (9 * 192, 8 * 192, 3)
    rows = picture[:, 192:].reshape(9, 192, 7 * 192, 3)  # names are written on the first pictures
    for blurred, truth in zip(rows[1::2], rows[2::2], strict=True):
        assert steepness(blurred) < steepness(truth)


def test_sheet_that_cannot_be_written_is_told_before_it_is_drawn(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), discs(0, 320))
    for to, says in (("no/sheet.png", "does not exist; make it first"), ("s.xyz", ".png or .jpg")):
        result = blur2blur("train", "blur-sheet", "--data", tmp_path, "--to", tmp_path / to)
        assert result.returncode == 1
        assert says in " ".join(result.stderr.split())
        assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def steepness(picture: np.ndarray) -> float:
    """Of edges, which blur takes; noise hardly counts."""
    return float(np.square(np.diff(picture.astype(float), axis=1)).mean())
