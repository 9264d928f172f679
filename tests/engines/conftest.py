"""A small profile with both networks, as calibration will make them, and a folder to lock."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from engines.export import export_profile
from engines.networks import PlainUNet, PlainUNetSpec

SPEC = PlainUNetSpec(width=4, encoder_blocks=(1, 1), decoder_blocks=(1,))


def trained(spec: PlainUNetSpec, prefix: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = PlainUNet(spec)
    torch.nn.init.normal_(network.head[0].weight, 0, 0.05)
    return {f"{prefix}.{key}": value for key, value in network.state_dict().items()}


def export_both(folder: Path, translator: PlainUNetSpec, deblurrer: PlainUNetSpec) -> Path:
    """A profile ``mycam`` with both networks."""
    export_profile(
        folder,
        name="mycam",
        translator=translator.to_json(),
        deblurrer=deblurrer.to_json(),
        multiple=max(translator.multiple, deblurrer.multiple),
        weights=trained(translator, "translator") | trained(deblurrer, "deblurrer"),
        card={"training": {"crops": 0}},
    )
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with a translator and a deblurrer of its own."""
    return export_both(tmp_path_factory.mktemp("profiles") / "mycam", SPEC, SPEC)


@contextmanager
def folder_of_no_root() -> Iterator[Path]:
    """A folder of a user who is not root, for whom nothing is read-only; this process is theirs."""
    if sys.platform == "win32":
        pytest.skip("other rights there")
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)
