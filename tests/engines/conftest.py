"""A small profile with a translator and a deblurrer, as calibration will make them."""

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
