"""Two processes take the steps that one would take; a kill loses at most what was not saved."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from calibration.checkpoint import load_checkpoint
from tests.calibration.test_folder_lock import held_by_another
from tests.calibration.test_recording import RULE, record
from tests.calibration.test_training import SMALL
from tests.calibration.virtual_camera import shots
from tests.conftest import ROOT

PROGRAM = """
import sys
from pathlib import Path
from calibration.train_deblurrer import DeblurrerTrainer, DeblurrerTraining
from tests.calibration.test_training import PAIRS, SMALL

data, out, crops, save_minutes = sys.argv[1:]
settings = DeblurrerTraining(
    data=(Path(data),), out=Path(out), crops=int(crops), batch=8, network=SMALL, pairs=PAIRS,
    validation_crops=4, save_minutes=float(save_minutes), ema_steps=20,
)
DeblurrerTrainer(settings).run(lambda state: print(state.crops_done, flush=True))
"""

TRANSLATOR_PROGRAM = """
import sys
from pathlib import Path
from calibration.train_translator import TranslatorTrainer, TranslatorTraining
from tests.calibration.test_translator import SMALL

recording, out = map(Path, sys.argv[1:])
settings = TranslatorTraining(
    recording=recording, out=out, network=SMALL, crops=48, batch=4, validation_crops=2,
    save_minutes=0.0,
)
TranslatorTrainer(settings).run(lambda state: None)
"""


def start(
    *arguments: object, processes: int = 1, program: str = PROGRAM, group: bool = False
) -> subprocess.Popen[str]:
    launcher = (
        [
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={processes}",
            "--no-python",
            sys.executable,
        ]
        if processes > 1
        else []
    )
    return subprocess.Popen(
        [sys.executable, *launcher, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=group,
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors


def validation_psnr(run: Path) -> float:
    return float(json.loads((run / "run.json").read_text())["validation_psnr_out_db"])


def test_two_processes_learn_what_one_does(photographs: Path, tmp_path: Path) -> None:
    finish(start(photographs, tmp_path / "one", 320, 5))
    finish(start(photographs, tmp_path / "two", 320, 5, processes=2))
    one, two = (json.loads((tmp_path / n / "log.jsonl").read_text()) for n in ("one", "two"))
    assert two["psnr_out_db"] == pytest.approx(one["psnr_out_db"], rel=0.01)
    first, second = (
        load_checkpoint(tmp_path / n / "checkpoint.pt")["averaged"] for n in ("one", "two")
    )
    moved = torch.cat([(first[k] - SMALL.build().state_dict()[k]).flatten() for k in first])
    apart = torch.cat([(first[k] - second[k]).flatten() for k in first])
    assert apart.norm() < 0.2 * moved.norm()


def test_one_process_validates_a_translator_while_the_other_goes_on(tmp_path: Path) -> None:
    recording, run = tmp_path / "camera", tmp_path / "run"
    record(recording, list(shots(240, 7, object_only=True)), replace(RULE, blurry=10, sharp=6))
    finish(start(recording, run, processes=2, program=TRANSLATOR_PROGRAM))
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["crops"] for line in lines] == [32, 48], "in the middle, and at the end"


def test_killed_run_reaches_what_an_undisturbed_one_reaches(
    photographs: Path, tmp_path: Path
) -> None:
    finish(start(photographs, tmp_path / "straight", 640, 5))
    killed = start(photographs, tmp_path / "killed", 640, 0)
    assert killed.stdout is not None
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "checkpoint.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=30)
    done = load_checkpoint(tmp_path / "killed" / "checkpoint.pt")["crops_done"]
    assert 0 < done <= 640
    finish(start(photographs, tmp_path / "killed", 640, 5))
    assert validation_psnr(tmp_path / "killed") == pytest.approx(
        validation_psnr(tmp_path / "straight"), abs=0.02
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_run_whose_whole_group_is_asked_to_end_saves_its_state(
    photographs: Path, tmp_path: Path
) -> None:
    process = start(photographs, tmp_path / "run", 1_000_000, 5, group=True)
    assert process.stdout is not None
    process.stdout.readline()  # its processes that make crops are at work
    os.killpg(process.pid, signal.SIGTERM)
    finish(process)
    done = load_checkpoint(tmp_path / "run" / "checkpoint.pt")["crops_done"]
    assert 0 < done < 1_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_all_processes_end_where_another_trains_in_the_folder(
    photographs: Path, tmp_path: Path
) -> None:
    """Only the first of them asks for the folder."""
    with held_by_another(tmp_path):
        run = start(photographs, tmp_path, 320, 5, processes=2)
        _, errors = run.communicate(timeout=120)
    assert run.returncode != 0
    assert f"another process trains in {tmp_path}" in errors
