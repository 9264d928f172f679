"""Self-check and fall-back, with engines that are wrong on purpose."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engines.engine import Engine, EngineFacts, EngineShape
from engines.errors import EngineError
from engines.processor import Processor
from engines.profile import Profile
from engines.selection import (
    BackendChoice,
    Candidate,
    PrecisionChoice,
    build_engine,
    choose_engine,
    survey,
)
from engines.selfcheck import fixed_frames, psnr_db, reference, self_check
from engines.torch import fused_from_profile
from tests.conftest import files_no_larger_than

SHAPE = EngineShape(height=64, width=80)


class Wrong:
    """An engine whose arithmetic is broken on this imaginary processor."""

    def __init__(self, engine: Engine, noise: int) -> None:
        self._engine = engine
        self._noise = noise

    @property
    def facts(self) -> EngineFacts:
        return self._engine.facts

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        right = self._engine(frames).astype(int)
        random = np.random.default_rng(0).integers(-self._noise, self._noise + 1, right.shape)
        return np.clip(right + random, 0, 255).astype(np.uint8)


def test_good_engine_passes_and_says_how_close_it_is(balanced: Profile, tmp_path: Path) -> None:
    chosen = choose_engine(balanced, SHAPE, cache=tmp_path)
    assert chosen.self_check_psnr_db > 40
    assert not chosen.refused


def test_wrong_engine_is_refused_and_the_next_takes_over(balanced: Profile, tmp_path: Path) -> None:
    said: list[str] = []

    def build(candidate: Candidate, profile: Profile, shape: EngineShape) -> Engine:
        engine = build_engine(candidate, profile, shape)
        return Wrong(engine, 20) if candidate == survey("auto", "auto").candidates[0] else engine

    chosen = choose_engine(balanced, SHAPE, cache=tmp_path, say=said.append, build=build)
    assert chosen.candidate == survey("auto", "auto").candidates[1]
    assert "self-check" in chosen.refused[0].reason
    assert "is not used" in said[0]


def test_engine_that_cannot_be_built_hands_over(balanced: Profile, tmp_path: Path) -> None:
    def build(candidate: Candidate, profile: Profile, shape: EngineShape) -> Engine:
        if candidate.backend == "openvino":
            raise EngineError("no such device")
        return build_engine(candidate, profile, shape)

    chosen = choose_engine(balanced, SHAPE, cache=tmp_path, build=build)
    assert chosen.candidate == Candidate("torch", "f32")
    assert [r.reason for r in chosen.refused] == ["no such device"] * len(chosen.refused)


def test_nothing_left_names_everything_that_was_tried(balanced: Profile, tmp_path: Path) -> None:
    def build(candidate: Candidate, profile: Profile, shape: EngineShape) -> Engine:
        return Wrong(build_engine(Candidate("openvino", "f32"), profile, shape), 50)

    with pytest.raises(EngineError, match=r"openvino f32: self-check: only [\d.]+ dB"):
        choose_engine(balanced, SHAPE, cache=tmp_path, build=build)


def test_integers_may_be_further_away_than_floats_but_not_wrong(quick: Profile) -> None:
    by_integers = build_engine(Candidate("openvino", "i8"), quick, SHAPE)
    assert self_check(by_integers, quick, cache=None) > 40
    assert 30 < self_check(Wrong(by_integers, 5), quick, cache=None) < 40
    with pytest.raises(EngineError, match=r"only 2\d\.\d dB .* 30 dB is the least"):
        self_check(Wrong(by_integers, 16), quick, cache=None)


def test_explicit_wishes_are_tried_alone() -> None:
    def on_the_processor(backend: BackendChoice, precision: PrecisionChoice) -> list[Candidate]:
        found = survey(backend, precision).candidates
        assert {candidate.backend for candidate in found} == {backend}
        return [candidate for candidate in found if candidate.device == "cpu"]

    assert on_the_processor("openvino", "bf16") == [Candidate("openvino", "bf16")]
    assert on_the_processor("torch", "auto") == [Candidate("torch", "f32")]


def test_precision_is_the_fastest_on_the_processor() -> None:
    assert Processor("a", 2, ("avx2", "avx512f")).fastest_precision == "f32"
    assert Processor("b", 2, ("avx512f", "amx_bf16")).fastest_precision == "bf16"
    assert Processor("d", 2, ("avx512f", "avx512_bf16")).fastest_precision == "bf16"
    hidden = ("avx512f", "avx512_bf16", "avx512_fp16")
    assert Processor("Intel(R) Xeon(R) Processor", 2, hidden).fastest_precision == "f32"
    assert Processor("Intel", 2, (*hidden, "amx_bf16")).fastest_precision == "bf16"
    assert Processor("AMD EPYC", 2, hidden).fastest_precision == "bf16"
    assert Processor("c", 2, ("asimdhp",)).fastest_precision == "f16"


class Overflowing:
    """An f16 engine in which squares overflow where the picture has a rhythm."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def facts(self) -> EngineFacts:
        return replace(self._engine.facts, precision="f16")

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        found = self._engine(frames).copy()
        found[[np.ptp(frame, axis=0).max() == 0 for frame in frames]] = 0
        return found


def test_engine_that_blackens_stripes_is_refused(quick: Profile, tmp_path: Path) -> None:
    engine = build_engine(Candidate("openvino", "f32"), quick, SHAPE)
    assert self_check(engine, quick, cache=tmp_path) > 40
    with pytest.raises(EngineError, match="self-check: only"):
        self_check(Overflowing(engine), quick, cache=tmp_path)


@pytest.mark.parametrize("period_px", [4, 6, 8])
def test_striped_pictures_in_f16_are_what_they_are_in_f32(
    balanced: Profile, period_px: int
) -> None:
    """Of those who read spectra: their squares are taken in fp32."""
    x = np.arange(256) // (period_px // 2) % 2
    row = np.where(x, 200, 20).astype(np.uint8)
    striped = torch.from_numpy(np.broadcast_to(row[None, None, :, None], (1, 192, 256, 3)).copy())
    whole = fused_from_profile(balanced)(striped).numpy()
    half = fused_from_profile(balanced).half()(striped).numpy()
    assert psnr_db(whole, half) > 40


def test_reference_is_kept_and_a_damaged_one_made_again(quick: Profile, tmp_path: Path) -> None:
    first = reference(quick, SHAPE, cache=tmp_path)
    (kept,) = tmp_path.glob("reference-*")
    whole = kept.read_bytes()
    other = bytes([whole[10] ^ 64])  # in the header
    zeroed = bytes(4096)  # as a disk without power leaves a block
    for damaged in (
        b"damaged",
        whole[:10] + other + whole[11:],
        whole[:8192] + zeroed + whole[12288:],
    ):
        kept.write_bytes(damaged)
        said: list[str] = []
        again = reference(quick, SHAPE, cache=tmp_path, say=said.append)
        assert np.array_equal(first, again)
        assert "making it again" in said[0]
        assert kept.read_bytes() == whole


def test_reference_that_a_full_disk_does_not_take_costs_a_line(
    quick: Profile, tmp_path: Path
) -> None:
    said: list[str] = []
    with files_no_larger_than(1000):
        reference(quick, SHAPE, cache=tmp_path, say=said.append)
    assert said == [f"the reference is not kept: {tmp_path}: File too large"]
    assert not any(tmp_path.iterdir())


def test_reference_refuses_a_graph_that_is_not_its_golden_sample(
    balanced: Profile, tmp_path: Path
) -> None:
    profile = Profile(balanced.folder, balanced.card)
    frames, deblurred = balanced.golden
    profile.__dict__["golden"] = (frames, 255 - deblurred)
    with pytest.raises(EngineError, match="golden sample"):
        reference(profile, SHAPE, cache=tmp_path)


def test_fixed_frames_are_the_same_everywhere() -> None:
    frames = fixed_frames(48, 64)
    assert frames.shape == (2, 48, 64, 3)
    assert hashlib.sha256(frames.tobytes()).hexdigest().startswith("7568799896b7943d")


def test_psnr_of_a_known_difference() -> None:
    a = np.full((4, 4), 100, np.uint8)
    assert psnr_db(a, a) == 100.0
    assert psnr_db(a, a + 1) == pytest.approx(48.1308, abs=1e-3)
