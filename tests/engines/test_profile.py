import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from engines.engine import EngineShape
from engines.errors import ProfileError
from engines.export import export_profile
from engines.files import sha256_of
from engines.networks import PlainUNetSpec
from engines.profile import (
    CARD,
    GOLDEN,
    GRAPH,
    WEIGHTS,
    Profile,
    load_profile,
    own_profile_folder,
    profile_names,
)
from engines.torch import TorchEngine
from tests.engines.conftest import SPEC, trained


@pytest.fixture
def profile_folder(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "mycam"))


def rewrite_card(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD).read_text())
    card.update(changes)
    card["sha256"] = {file: sha256_of(folder / file) for file in (WEIGHTS, GRAPH, GOLDEN)}
    (folder / CARD).write_text(json.dumps(card))


def test_generic_profile_ships_and_is_listed(balanced: Profile) -> None:
    assert "balanced" in profile_names()
    assert balanced.card["translator"] == {"architecture": "identity"}
    assert all(tensor.dtype == np.float16 for tensor in balanced.weights.values())


def test_exported_profile_loads_by_folder(made: Path) -> None:
    profile = load_profile(str(made))
    assert profile.name == "mycam"
    assert {key.split(".")[0] for key in profile.weights} == {"translator", "deblurrer"}


def test_unknown_name_tells_the_known_ones() -> None:
    with pytest.raises(ProfileError, match="balanced"):
        load_profile("no-such-camera")


def test_a_recording_of_the_same_name_hides_no_profile(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`calibrate record --to mycam/`, `calibrate train mycam/ --profile mycam`, `live` here."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shutil.copytree(made, own_profile_folder("mycam"))
    for name in ("mycam", "balanced", "studio"):
        (tmp_path / name).mkdir()
    shutil.copytree(made, tmp_path / "local")
    monkeypatch.chdir(tmp_path)
    assert load_profile("mycam").folder == own_profile_folder("mycam")
    assert load_profile("balanced").name == "balanced"
    assert load_profile("local").folder == Path("local")
    with pytest.raises(ProfileError, match="there is none of that name, only"):
        load_profile("studio")
    with pytest.raises(ProfileError, match=r"no profile\.json"):
        load_profile("./balanced")


def test_folder_without_a_card_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"no profile\.json"):
        load_profile(str(tmp_path))


@pytest.mark.parametrize("file", [WEIGHTS, GRAPH, GOLDEN])
def test_damage_is_seen(profile_folder: Path, file: str) -> None:
    content = bytearray((profile_folder / file).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (profile_folder / file).write_bytes(content)
    with pytest.raises(ProfileError, match=f"damaged: {file}"):
        load_profile(str(profile_folder))


@pytest.mark.parametrize("file", [WEIGHTS, GRAPH, GOLDEN])
def test_missing_file_is_named(profile_folder: Path, file: str) -> None:
    (profile_folder / file).unlink()
    with pytest.raises(ProfileError, match=f"lacks {file}"):
        load_profile(str(profile_folder))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1}', "[" * 100_000])
def test_unreadable_cards_are_refused(profile_folder: Path, text: str) -> None:
    (profile_folder / CARD).write_text(text)
    with pytest.raises(ProfileError):
        load_profile(str(profile_folder))


@pytest.mark.parametrize("left_below", ["little", 0, -1, None])
def test_a_card_that_leaves_alone_by_no_measure_is_refused(
    profile_folder: Path, left_below: object
) -> None:
    rewrite_card(profile_folder, left_below=left_below)
    with pytest.raises(ProfileError, match="left_below"):
        load_profile(str(profile_folder))


def test_weights_that_are_no_safetensors_are_refused(profile_folder: Path) -> None:
    (profile_folder / WEIGHTS).write_bytes(b"not tensors at all")
    rewrite_card(profile_folder)
    with pytest.raises(ProfileError, match="not a safetensors file"):
        load_profile(str(profile_folder))


def test_weights_that_are_not_numbers_are_refused(profile_folder: Path) -> None:
    tensors = load_file(profile_folder / WEIGHTS)
    next(iter(tensors.values())).flat[0] = np.nan
    save_file(tensors, profile_folder / WEIGHTS)
    rewrite_card(profile_folder)
    with pytest.raises(ProfileError, match="not finite"):
        load_profile(str(profile_folder))


def test_weights_of_other_shapes_are_refused_by_torch(profile_folder: Path) -> None:
    rewrite_card(profile_folder, deblurrer=PlainUNetSpec(width=8).to_json())
    with pytest.raises(ProfileError, match="do not fit"):
        TorchEngine(load_profile(str(profile_folder)), EngineShape(height=8, width=8), "f32")


def test_export_refuses_what_is_not_finite_and_leaves_nothing(tmp_path: Path) -> None:
    weights = trained(SPEC, "deblurrer")
    weights["deblurrer.head.0.bias"] = torch.full((12,), torch.inf)
    with pytest.raises(ProfileError, match="not finite"):
        export_profile(
            tmp_path / "bad",
            name="bad",
            translator={"architecture": "identity"},
            deblurrer=SPEC.to_json(),
            multiple=4,
            weights=weights,
            card={},
        )
    assert not list(tmp_path.iterdir())
