from pathlib import Path

import pytest
import torch

from calibration.checkpoint import load_checkpoint, save_checkpoint
from tests.conftest import files_no_larger_than


def test_full_disk_is_an_os_error_and_the_old_checkpoint_stays(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    state = {"specification": {}, "averaged": torch.zeros(3), "crops_done": 4, "seconds": 1.5}
    save_checkpoint(path, state, {"seed": 0})
    with files_no_larger_than(10_000), pytest.raises(OSError, match="File too large"):
        save_checkpoint(path, {**state, "averaged": torch.zeros(10_000)}, {"seed": 0})
    assert load_checkpoint(path)["averaged"].shape == (3,)
    assert list(tmp_path.iterdir()) == [path]
