import hashlib
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from engines.cache import CARD, kept_engines
from engines.engine import EngineShape
from engines.errors import EngineError
from engines.export import export_deblurrer
from engines.networks import PlainUNet
from engines.openvino import OpenVINOEngine, _capabilities, sees
from engines.processor import processor
from engines.profile import LEFT_BELOW, Profile, load_profile
from engines.selfcheck import fixed_frames, psnr_db
from engines.torch import TorchEngine
from tests.conftest import run_python
from tests.engines.conftest import SPEC

SHAPE = EngineShape(height=72, width=100, max_batch=3)
ONE = EngineShape(height=72, width=100)
COMPILING = "compiling the engine for 100x72, once; this may take a minute"


@pytest.mark.parametrize("name", ["fast", "balanced", "quality"])
def test_shipped_graph_and_weights_give_the_same_pictures(name: str) -> None:
    """Of one that looks once a test network is exported, too; this is all there is of two looks."""
    profile, shape = load_profile(name), replace(SHAPE, max_batch=2)
    frames = fixed_frames(shape.height, shape.width)
    by_graph = OpenVINOEngine(profile, shape, "f32")(frames).astype(int)
    by_weights = TorchEngine(profile, shape, "f32")(frames).astype(int)
    difference = np.abs(by_graph - by_weights)
    assert difference.max() <= 1
    assert difference.mean() < 0.001
    assert np.abs(by_weights - frames).mean() > 0.1, "the network does something"


def test_translator_and_deblurrer_run_as_one_graph(made: Path) -> None:
    profile = load_profile(str(made))
    frames = fixed_frames(SHAPE.height, SHAPE.width)
    by_graph = OpenVINOEngine(profile, SHAPE, "f32")(frames).astype(int)
    by_weights = TorchEngine(profile, SHAPE, "f32")(frames).astype(int)
    assert np.abs(by_graph - by_weights).max() <= 1
    assert np.abs(by_weights - frames).mean() > 1, "both networks do something"


@pytest.mark.parametrize(("left_below", "change"), [(LEFT_BELOW, 0), (0.2, 1)])
def test_a_profile_says_below_what_a_change_is_not_made(
    tmp_path: Path, left_below: float, change: int
) -> None:
    network = PlainUNet(SPEC)
    torch.nn.init.constant_(network.head[0].bias, 0.6 / 255)  # it brightens by 0.6 steps of 8 bit
    export_deblurrer(
        tmp_path / "brighter",
        name="brighter",
        network=SPEC,
        weights=network.state_dict(),
        card={},
        left_below=left_below,
    )
    profile = load_profile(str(tmp_path / "brighter"))
    frames = np.full((1, SHAPE.height, SHAPE.width, 3), 100, np.uint8)
    assert (OpenVINOEngine(profile, SHAPE, "f32")(frames) == 100 + change).all()
    assert (TorchEngine(profile, SHAPE, "f32")(frames) == 100 + change).all()


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (33, 71), (96, 128)])
def test_any_size_goes_in_and_comes_out(balanced: Profile, size: tuple[int, int]) -> None:
    shape = EngineShape(height=size[0], width=size[1])
    frame = fixed_frames(*size)[:1]
    by_graph = OpenVINOEngine(balanced, shape, "f32")(frame).astype(int)
    by_weights = TorchEngine(balanced, shape, "f32")(frame).astype(int)
    assert by_graph.shape == frame.shape
    assert np.abs(by_graph - by_weights).max() <= 1


def test_fastest_precision_stays_close_to_fp32(balanced: Profile) -> None:
    frames = fixed_frames(SHAPE.height, SHAPE.width)
    fast = OpenVINOEngine(balanced, SHAPE, processor().fastest_precision)
    assert fast.facts.precision == processor().fastest_precision
    assert psnr_db(fast(frames), OpenVINOEngine(balanced, SHAPE, "f32")(frames)) > 40


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_precision_is_the_one_asked_for_or_refused(
    quick: Profile,
    tmp_path: Path,
    precision: Literal["bf16", "f16"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenVINO falls back to f32 without a word where the processor has no such units."""
    with monkeypatch.context() as before:  # engines were kept under another precision's name
        before.setattr(OpenVINOEngine, "_check_precision", lambda *_: None)
        OpenVINOEngine(quick, ONE, precision, cache=tmp_path / "older")
    if {"bf16": "BF16", "f16": "FP16"}[precision] in _capabilities("CPU"):
        assert OpenVINOEngine(quick, ONE, precision).facts.precision == precision
        return
    for folder in (tmp_path / "older", tmp_path / "new"):
        with pytest.raises(EngineError, match=r"computes in f32 .* say --precision f32"):
            OpenVINOEngine(quick, ONE, precision, cache=folder)
    assert kept_engines(tmp_path / "new") == []


def test_compiled_engine_is_kept_and_damage_is_repaired(balanced: Profile, tmp_path: Path) -> None:
    frames = fixed_frames(72, 100)
    said: list[str] = []
    expected = OpenVINOEngine(balanced, ONE, "f32", cache=tmp_path, say=said.append)(frames[:1])
    (kept,) = kept_engines(tmp_path)
    again = OpenVINOEngine(balanced, ONE, "f32", cache=tmp_path, say=said.append)(frames[:1])
    assert np.array_equal(again, expected)
    assert said == [COMPILING]
    said.clear()
    kept.file.write_bytes(kept.file.read_bytes()[:1000])
    rebuilt = OpenVINOEngine(balanced, ONE, "f32", cache=tmp_path, say=said.append)(frames[:1])
    assert np.array_equal(rebuilt, expected)
    assert "building it again" in said[0]
    assert kept.file.stat().st_size > 1000


def test_blob_that_openvino_does_not_take_is_built_again(balanced: Profile, tmp_path: Path) -> None:
    """A foreign blob whose checksum is right: as after an update that its key does not tell."""
    OpenVINOEngine(balanced, ONE, "f32", cache=tmp_path)
    (kept,) = kept_engines(tmp_path)
    foreign = b"no blob of any OpenVINO" * 100
    kept.file.write_bytes(foreign)
    card = {**kept.card, "sha256": hashlib.sha256(foreign).hexdigest()}
    (kept.folder / CARD).write_text(json.dumps(card))
    said: list[str] = []
    engine = OpenVINOEngine(balanced, ONE, "f32", cache=tmp_path, say=said.append)
    assert engine(fixed_frames(72, 100)[:1]).shape == (1, 72, 100, 3)
    assert "building it again" in said[0]


def test_each_ingredient_changes_the_name_in_the_cache(balanced: Profile, tmp_path: Path) -> None:
    OpenVINOEngine(balanced, ONE, "f32", cache=tmp_path)
    OpenVINOEngine(balanced, EngineShape(height=72, width=101), "f32", cache=tmp_path)
    OpenVINOEngine(balanced, ONE, "i8", cache=tmp_path)
    assert len(kept_engines(tmp_path)) == 3


def test_cache_that_cannot_be_written_costs_a_line_only(balanced: Profile, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said: list[str] = []
    engine = OpenVINOEngine(balanced, ONE, "f32", cache=tmp_path / "file", say=said.append)
    assert engine(fixed_frames(72, 100)[:1]).shape == (1, 72, 100, 3)
    assert said[0] == COMPILING
    assert "not kept" in said[1]


def test_missing_device_is_named(balanced: Profile) -> None:
    with pytest.raises(EngineError, match="sees no NPU"):
        OpenVINOEngine(balanced, SHAPE, "f32", device="NPU")


def test_one_of_several_is_seen_without_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.openvino.device_names", lambda: ("CPU", "GPU.0", "GPU.1"))
    assert [sees(device) for device in ("CPU", "GPU", "GPU.1", "NPU")] == [True, True, True, False]


def test_importing_it_reports_nothing_to_anybody() -> None:
    assert sys.modules["openvino_telemetry"] is None


SIGNAL_AFTER_ENGINES = """
import os, signal
from engines.engine import EngineShape
from engines.openvino import OpenVINOEngine
from engines.profile import load_profile

shape = EngineShape(height=64, width=80)
first, second = (OpenVINOEngine(load_profile("balanced"), shape, "f32") for _ in range(2))
del first, second
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_a_signal_does_no_harm_after_engines_have_come_and_gone() -> None:
    result = run_python(SIGNAL_AFTER_ENGINES)
    assert (result.stdout.strip(), result.returncode) == ("handled", 0), result.stderr


LOADED_FOR_TWO_ENGINES = """
from engines.engine import EngineShape
from engines.openvino import OpenVINOEngine, devices
from engines.profile import load_profile

for side in (64, 96):
    OpenVINOEngine(load_profile("fast"), EngineShape(height=side, width=80), "f32")
devices()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the loader tells what it does on Linux only")
def test_plugins_that_do_not_load_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is given up, a thread that begins elsewhere can end the process (device_names)."""
    monkeypatch.setenv("LD_DEBUG", "files")
    result = run_python(LOADED_FOR_TWO_ENGINES)
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [line for line in result.stderr.splitlines() if "generating link map" in line]
    tried = Counter(line.split("file=")[1].split()[0] for line in lines if "_plugin.so" in line)
    assert any("intel_cpu" in name for name in tried)
    assert set(tried.values()) == {1}


def test_too_large_frames_are_refused_with_advice() -> None:
    with pytest.raises(EngineError, match="--size"):
        EngineShape(height=4320, width=7680)
