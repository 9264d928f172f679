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


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with a translator and a deblurrer of its own."""
    folder = tmp_path_factory.mktemp("profiles") / "mycam"
    export_profile(
        folder,
        name="mycam",
        translator=SPEC.to_json(),
        deblurrer=SPEC.to_json(),
        multiple=SPEC.multiple,
        weights=trained(SPEC, "translator") | trained(SPEC, "deblurrer"),
        card={"training": {"crops": 0}},
    )
    return folder
