import io
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from safetensors.torch import save as save_torch

from engines.errors import ProfileError
from engines.files import sha256_of
from engines.folders import user_profiles
from engines.profile import GOLDEN, GRAPH, WEIGHTS, Profile, load_profile, own_profile_folder
from engines.profile_archive import export_archive, import_archive
from tests.conftest import blur2blur


@pytest.fixture
def archive(balanced: Profile, tmp_path: Path) -> Path:
    export_archive(balanced, tmp_path / "mycam.zip")
    return tmp_path / "mycam.zip"


@pytest.fixture
def small(made: Path) -> Profile:
    return load_profile(str(made))


@pytest.fixture
def small_archive(small: Profile, tmp_path: Path) -> Path:
    export_archive(small, tmp_path / "small.zip")
    return tmp_path / "small.zip"


def test_what_was_exported_is_imported(balanced: Profile, archive: Path, tmp_path: Path) -> None:
    profile = import_archive(archive, tmp_path / "profiles", "mycam")
    assert profile.folder == tmp_path / "profiles" / "mycam"
    assert profile.card == balanced.card
    with pytest.raises(ProfileError, match="already"):
        import_archive(archive, tmp_path / "profiles", "mycam")
    assert [p.name for p in (tmp_path / "profiles").iterdir()] == ["mycam"]


def test_files_dated_before_zip_files_are_exported(
    small: Profile, small_archive: Path, tmp_path: Path
) -> None:
    """As of a disk image whose files all have the date 0."""
    old = tmp_path / "old"
    shutil.copytree(small.folder, old)
    for file in old.iterdir():
        os.utime(file, (0, 0))
    export_archive(load_profile(str(old)), small_archive)
    assert import_archive(small_archive, tmp_path / "profiles", "x").card == small.card


def test_it_is_called_as_it_was_imported(
    small_archive: Path, small: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures and records told of another profile of the user's, which its card is named after."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert import_archive(small_archive, user_profiles(), "annas").name == "annas"
    assert load_profile("annas").name == "annas"
    export_archive(load_profile("annas"), tmp_path / "annas.zip")
    with zipfile.ZipFile(tmp_path / "annas.zip") as archive:
        assert json.loads(archive.read("profile.json"))["name"] == "annas"
    monkeypatch.chdir(user_profiles())
    assert load_profile("./annas").name == "annas"
    assert load_profile(str(small.folder)).name == small.card["name"] != "annas"


def altered(
    archive: Path,
    balanced: Profile,
    *,
    graph: bytes | None = None,
    weights: bytes | None = None,
    golden: bytes | None = None,
    **card: object,
) -> Path:
    """The archive with other content, and checksums that agree with it."""
    folder = archive.parent / "altered"
    shutil.copytree(balanced.folder, folder, dirs_exist_ok=True)
    for name, content in ((GRAPH, graph), (WEIGHTS, weights), (GOLDEN, golden)):
        if content is not None:
            (folder / name).write_bytes(content)
    changed = {**balanced.card, **card}
    changed["sha256"] = {name: sha256_of(folder / name) for name in balanced.card["sha256"]}
    (folder / "profile.json").write_text(json.dumps(changed))
    export_archive(Profile(folder, changed), archive)
    return archive


def test_graph_that_computes_something_else_is_refused(
    balanced: Profile, archive: Path, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match="does not run here"):
        import_archive(altered(archive, balanced, graph=b"no graph"), tmp_path / "profiles", "x")
    assert not (tmp_path / "profiles" / "x").exists()


def test_weights_that_are_not_the_graphs_are_refused(
    small: Profile, small_archive: Path, tmp_path: Path
) -> None:
    """A backend that takes the graph and one that takes the weights would show other pictures."""
    other = dict(small.weights)
    name = "translator.encoders.0.0.body.0.weight"
    for wrong in ({**other, name: other[name] * 2}, {**other, name: other[name][:, :, :1]}, {}):
        wrong = wrong or {"deblurrer.x": np.zeros(3, np.int64)}
        file = altered(small_archive, small, weights=save(wrong))
        with pytest.raises(ProfileError, match="weights are not those of its graph"):
            import_archive(file, tmp_path / "profiles", "x")


def test_weights_of_too_few_channels_are_refused(
    balanced: Profile, archive: Path, tmp_path: Path
) -> None:
    """Engines compute some of a block's channels, which this one does not have."""
    gate = "deblurrer.encoders.2.0.gate.weight"
    wrong = {**balanced.weights, gate: balanced.weights[gate][:8]}
    with pytest.raises(ProfileError, match="does not run here"):
        import_archive(altered(archive, balanced, weights=save(wrong)), tmp_path / "profiles", "x")


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float8_e4m3fn])
def test_weights_of_a_kind_that_is_not_read_are_refused(
    small: Profile, small_archive: Path, tmp_path: Path, kind: torch.dtype
) -> None:
    other = {name: torch.from_numpy(w).to(kind) for name, w in small.weights.items()}
    file = altered(small_archive, small, weights=save_torch(other))
    with pytest.raises(ProfileError, match=r"small\.zip.*holds weights of a kind that is not read"):
        import_archive(file, tmp_path / "profiles", "x")


def test_golden_sample_of_no_frames_is_refused(
    small: Profile, small_archive: Path, tmp_path: Path
) -> None:
    frames, deblurred = small.golden
    golden = io.BytesIO()
    np.savez(golden, frames=frames[:1], deblurred=deblurred)
    with pytest.raises(ProfileError, match="holds no frames"):
        import_archive(
            altered(small_archive, small, golden=golden.getvalue()), tmp_path / "profiles", "x"
        )


def test_golden_sample_that_is_damaged_is_refused(
    small: Profile, small_archive: Path, tmp_path: Path
) -> None:
    file = altered(small_archive, small, golden=b"PK\x03\x04" + b"junk" * 20)
    with pytest.raises(ProfileError, match=r"small\.zip: golden\.npz cannot be read"):
        import_archive(file, tmp_path / "profiles", "x")


def test_card_of_other_networks_is_refused(
    small: Profile, small_archive: Path, tmp_path: Path
) -> None:
    """The graph would run, and torch, which goes by the card, would end in a traceback."""
    wider = {**small.card["deblurrer"], "width": 8}
    multiple = small.card["multiple"]
    right = f"that of its networks is {multiple}"
    for card, why in (
        ({"multiple": None}, "says multiple None"),
        ({"multiple": multiple + 1}, f"multiple is {multiple + 1}; {right}"),
        ({"multiple": 2**14}, f"multiple is 16384; {right}"),
        ({"deblurrer": wider}, "not of the networks that its card tells of"),
    ):
        with pytest.raises(ProfileError, match=why):
            file = altered(small_archive, small, **card)
            import_archive(file, tmp_path / "profiles", "x")
    assert not (tmp_path / "profiles").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"width": 200_000}, "not of the networks that its card tells of"),
        ({"width": 10**12}, "deblurrer cannot be built"),
        ({"width": "wide"}, "deblurrer cannot be built"),
        ({"encoder_blocks": [2**62] * 4}, "more blocks than there are weights"),
        ({"decoder_blocks": [0] * 10**5, "encoder_blocks": [0] * (10**5 + 1)}, "more blocks than"),
    ],
)
def test_card_of_networks_beyond_all_measure_is_refused_before_they_are_built(
    small: Profile, small_archive: Path, tmp_path: Path, change: dict[str, object], why: str
) -> None:
    file = altered(small_archive, small, deblurrer={**small.card["deblurrer"], **change})
    with pytest.raises(ProfileError, match=why):
        import_archive(file, tmp_path / "profiles", "x")


@pytest.mark.parametrize("card", [{"deblurrer": {}}, {"translator": "none"}, {"name": 5}])
def test_card_without_networks_is_refused(
    small: Profile, small_archive: Path, card: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match="does not tell its name and networks"):
        import_archive(altered(small_archive, small, **card), tmp_path / "profiles", "x")


def test_other_versions_and_files_are_refused(
    balanced: Profile, archive: Path, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match=r"mycam\.zip.* is of format 99"):
        import_archive(altered(archive, balanced, format=99), tmp_path / "profiles")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("../../evil.py", "print(1)")
    with pytest.raises(ProfileError, match="is no profile"):
        import_archive(archive, tmp_path / "profiles")
    archive.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ProfileError, match="cannot be read"):
        import_archive(archive, tmp_path / "profiles")


def test_archive_whose_bytes_were_damaged_is_refused(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as whole:
        first = next(entry for entry in whole.infolist() if entry.filename == GRAPH)
    content = bytearray(archive.read_bytes())
    start = first.header_offset + 100
    content[start : start + 400] = b"\xff" * 400
    archive.write_bytes(content)
    with pytest.raises(ProfileError, match="cannot be read"):
        import_archive(archive, tmp_path / "profiles", "x")
    assert not (tmp_path / "profiles").exists()


def test_archive_whose_compression_fails_is_refused(small: Profile, tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as whole:
        for path in small.folder.iterdir():
            whole.write(path, path.name)
        start = whole.getinfo(WEIGHTS).header_offset + 100
    content = bytearray(archive.read_bytes())
    content[start : start + 400] = b"\xff" * 400
    archive.write_bytes(content)
    with pytest.raises(ProfileError, match="cannot be read"):
        import_archive(archive, tmp_path / "profiles", "x")


@pytest.mark.parametrize("name", ["../up", "a/b", "", "."])
def test_names_stay_in_their_folder(archive: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ProfileError, match="no name"):
        import_archive(archive, tmp_path / "profiles", name)


def test_nobody_can_take_the_place_of_what_ships(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="balanced is a profile that ships"):
        import_archive(archive, tmp_path / "profiles")
    with pytest.raises(ProfileError, match="ships"):
        own_profile_folder("quality")
    assert own_profile_folder("my-cam.2").name == "my-cam.2"


def test_commands(tmp_path: Path) -> None:
    folders = {"XDG_DATA_HOME": str(tmp_path / "data")}
    assert "balanced" in blur2blur("profile", "list").stdout
    assert json.loads(blur2blur("profile", "show", "balanced").stdout)["name"] == "balanced"
    file = tmp_path / "b.zip"
    assert blur2blur("profile", "export", "balanced", "--to", file).returncode == 0
    result = blur2blur("profile", "import", "mine", "--from", file, **folders)
    assert result.returncode == 0, result.stderr
    assert "mine" in blur2blur("profile", "list", **folders).stdout
    assert blur2blur("profile", "import", "mine").returncode == 2
    again = blur2blur("profile", "import", "x", "--from", file, "--about", "a camera", **folders)
    assert (again.returncode, "--about goes with --weights" in again.stderr) == (1, True)
    (tmp_path / "data" / "blur2blur" / "profiles" / "mine" / GRAPH).write_bytes(b"half")
    odd = dict(load_profile("fast").weights)
    odd_weights = save_torch({name: torch.from_numpy(w).bfloat16() for name, w in odd.items()})
    altered(file, load_profile("fast"), weights=odd_weights)
    (tmp_path / "altered").rename(tmp_path / "data" / "blur2blur" / "profiles" / "odd")
    listed = blur2blur("profile", "list", **folders)
    assert listed.returncode == 0
    for name in ("mine", "odd"):
        assert re.search(rf"{name} +│ damaged", listed.stdout)
    assert "balanced" in listed.stdout
    refused = blur2blur("profile", "export", "fast", "--to", "/proc/x.zip")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") <= 2, "a line, no traceback"
    assert "error:" in refused.stderr
