import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from calibration.errors import CalibrationError
from calibration.import_weights import import_weights, read_tensors, recognise
from engines.engine import EngineShape
from engines.networks import MIMOUNetSpec, NAFNetSpec, NetworkSpec, read_specification
from engines.openvino import OpenVINOEngine
from engines.profile import Profile, load_profile
from engines.selfcheck import fixed_frames, psnr_db
from engines.torch import TorchEngine
from tests.conftest import blur2blur

NAFNET = NAFNetSpec(width=8, encoder_blocks=(1, 2), middle_blocks=1, decoder_blocks=(1, 1))
MIMO = MIMOUNetSpec(width=4, blocks=1)


def test_published_file_becomes_a_profile_that_runs(tmp_path: Path) -> None:
    file = published(NAFNET, "params", tmp_path)
    assert import_weights(file, tmp_path / "mine", name="mine", about="a test") == NAFNET
    check_engine(load_profile(str(tmp_path / "mine")))


def published(spec: NetworkSpec, wrapper: str, folder: Path) -> Path:
    torch.manual_seed(0)
    file = folder / "published.pth"
    torch.save({wrapper: spec.build().state_dict()}, file)
    return file


def check_engine(profile: Profile) -> None:
    """What is compiled gives what the network gives."""
    shape = EngineShape(height=50, width=70)
    frames = fixed_frames(50, 70)[:1]
    by_openvino = OpenVINOEngine(profile, shape, "f32")(frames)
    by_torch = TorchEngine(profile, shape, "f32")(frames)
    assert psnr_db(by_openvino, by_torch) > 50


def test_command_imports_and_live_takes_it(tmp_path: Path) -> None:
    file = published(MIMO, "model", tmp_path)
    home = {"XDG_DATA_HOME": str(tmp_path / "data")}
    result = blur2blur("profile", "import", "theirs", "--weights", file, **home)
    assert result.returncode == 0, result.stderr
    live = blur2blur(
        "live", "synthetic:128x64@0?seconds=0.3", "--to", "null", "--profile", "theirs", **home
    )
    assert live.returncode == 0, live.stderr
    profile = load_profile(str(tmp_path / "data" / "blur2blur" / "profiles" / "theirs"))
    assert read_specification(profile.card["deblurrer"]) == MIMO
    check_engine(profile)
    again = blur2blur("profile", "import", "theirs", "--weights", file, **home)
    assert again.returncode == 1
    assert "a profile theirs already" in again.stderr
    nothing = blur2blur("profile", "import", "x", "--weights", tmp_path / "no.pth", **home)
    assert nothing.returncode == 1
    assert "no.pth" in nothing.stderr


def test_weights_may_be_in_safetensors(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(MIMO.build().state_dict(), file)
    assert recognise(read_tensors(file)) == MIMO


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def test_file_that_wants_to_execute_something_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bomb.pth"
    torch.save({"params": Bomb()}, file)
    with pytest.raises(CalibrationError, match="would execute"):
        read_tensors(file)
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CalibrationError):
        read_tensors(file)
    assert not Path("exploded").exists()


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize("content", ["nothing", "text", "half", "half of an old one", "page"])
def test_file_that_is_no_weights_is_told_in_a_line(
    tmp_path: Path, content: str, ending: str
) -> None:
    """It ended in a traceback, or with advice about calls of torch."""
    file = tmp_path / f"theirs.{ending}"
    tensors = {"intro.weight": torch.zeros(100)}
    if content.startswith("half"):
        torch.save(tensors, file, _use_new_zipfile_serialization=content == "half")
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        page = b"<!DOCTYPE html>\n<html><body>Not found</body></html>"
        file.write_bytes({"nothing": b"", "text": b"hello", "page": page}[content])
    with pytest.raises(CalibrationError) as raised:
        import_weights(file, tmp_path / "mine", name="mine", about="")
    said = str(raised.value)
    assert said.startswith(f"{file} ({file.stat().st_size} bytes) is cut off, or holds no weights")
    assert "torch" not in said
    assert "\n" not in said
    assert not (tmp_path / "mine").exists()


def test_a_single_number_is_no_network() -> None:
    assert recognise({"intro.weight": torch.tensor(1.0)}) is None
    assert recognise({"feat_extract.0.main.0.weight": torch.tensor(1.0)}) is None


BEYOND_ALL_MEASURE: dict[str, tuple[NetworkSpec, list[str]]] = {
    "blocks": (NAFNET, ["encoders.0.99999999.x", "decoders.1.99999999.x"]),
    "middle": (NAFNET, ["middle_blks.99999999.x"]),
    "levels": (NAFNET, [f"{way}coders.{level}.0.x" for way in ("en", "de") for level in range(60)]),
    "layers": (MIMO, ["Encoder.0.layers.99999999.x"]),
}


@pytest.mark.parametrize("claim", BEYOND_ALL_MEASURE)
def test_names_that_claim_networks_beyond_all_measure_are_nobodys(claim: str) -> None:
    spec, names = BEYOND_ALL_MEASURE[claim]
    assert recognise(spec.build().state_dict() | dict.fromkeys(names, torch.zeros(1))) is None


def test_other_weights_are_named(tmp_path: Path) -> None:
    assert recognise({}) is None
    file = tmp_path / "other.pth"
    torch.save({"conv1.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(CalibrationError, match=r"conv1\.weight"):
        import_weights(file, tmp_path / "mine", name="mine", about="")
    assert not (tmp_path / "mine").exists()


def test_published_shapes_are_recognised() -> None:
    for spec in (NAFNetSpec(width=16), MIMOUNetSpec()):
        assert recognise(spec.build().state_dict()) == spec
