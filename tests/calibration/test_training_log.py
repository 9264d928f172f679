from pathlib import Path

import torch

from calibration.evaluation import Evaluation
from calibration.training_log import LOG, TrainingLog, read_lines


def test_half_a_line_of_a_run_that_was_killed_costs_that_line_only(tmp_path: Path) -> None:
    log, reached = TrainingLog(tmp_path), Evaluation(20.0, 21.0, 1.0, torch.zeros(1))
    log.add(100, 0.1, reached)
    with (tmp_path / LOG).open("ab") as file:
        file.write(b'{"crops": 200, "lo')
    log.add(300, 0.1, reached)
    log.add(400, 0.1, reached)
    assert [line["crops"] for line in read_lines(tmp_path / LOG)] == [100, 300, 400]
    assert (tmp_path / LOG).read_text().count("\n") == 4, "each of its own"
    assert (tmp_path / "curve.png").is_file()
