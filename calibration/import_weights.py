"""Published deblurring weights as a profile: NAFNet and MIMO-UNet as their authors ship them."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from calibration.errors import CalibrationError
from engines.errors import ProfileError
from engines.export import export_deblurrer
from engines.networks import MIMOUNetSpec, NAFNetSpec, NetworkSpec, network_shapes

_WRAPPERS = ("params_ema", "params", "state_dict", "model")


def import_weights(file: Path, to: Path, *, name: str, about: str) -> NetworkSpec:
    """Make a profile of a file of weights; returns the network that they turned out to be of.

    Args:
        file: safetensors, or a PyTorch file, which is read without executing anything in it.
        to: folder of the profile; it is made or replaced.
        about: a line for the card: where the weights are from, and their licence.

    Raises:
        CalibrationError: the file cannot be read safely, or holds another network's weights.
        ProfileError: the weights do not fit, or are not finite.
    """
    tensors = read_tensors(file)
    spec = recognise(tensors)
    if spec is None:
        raise CalibrationError(
            f"{file} holds weights of neither NAFNet nor MIMO-UNet "
            f"(it begins with {', '.join(list(tensors)[:3]) or 'nothing'})"
        )
    card = {"about": about, "imported": {"file": file.name}}
    export_deblurrer(to, name=name, network=spec, weights=tensors, card=card)
    return spec


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, without the names that training scripts wrap around them.

    Raises:
        CalibrationError: the file is missing, damaged, or would have to be executed to be read.
    """
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CalibrationError(f"{file} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # bytes that are no weights fail in every way there is
        if wants := re.search(r"GLOBAL (\S+)", str(error)):
            raise CalibrationError(
                f"{file} cannot be read as weights: it holds {wants[1]}; files that hold more than "
                "tensors are not opened, because opening them would execute what is in them"
            ) from error
        raise CalibrationError(
            f"{file} ({file.stat().st_size} bytes) is cut off, or holds no weights but, for "
            "instance, a web page; fetch it again"
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise CalibrationError(f"{file} holds a {type(content).__name__}, not weights by name")
    return {
        str(key).removeprefix("module."): value
        for key, value in content.items()
        if isinstance(value, Tensor)
    }


def recognise(tensors: Mapping[str, Tensor]) -> NetworkSpec | None:
    """The network whose parameters have these names and shapes, or None."""
    spec: NetworkSpec
    try:
        if "intro.weight" in tensors:
            spec = NAFNetSpec(
                width=len(tensors["intro.weight"]),
                encoder_blocks=_counts(tensors, r"encoders\.(\d+)\.(\d+)\."),
                middle_blocks=sum(_counts(tensors, r"(middle)_blks\.(\d+)\.")),
                decoder_blocks=_counts(tensors, r"decoders\.(\d+)\.(\d+)\."),
            )
        elif "feat_extract.0.main.0.weight" in tensors:
            spec = MIMOUNetSpec(
                width=len(tensors["feat_extract.0.main.0.weight"]),
                blocks=_counts(tensors, r"Encoder\.(\d+)\.layers\.(\d+)\.")[0],
            )
        else:
            return None
        shapes = network_shapes(spec.to_json())
    except (ProfileError, ArithmeticError, RuntimeError, ValueError, IndexError, TypeError):
        return None
    return spec if shapes == {name: tuple(t.shape) for name, t in tensors.items()} else None


def _counts(tensors: Mapping[str, Tensor], pattern: str) -> tuple[int, ...]:
    """How many blocks each level has, from names that hold the numbers of both."""
    blocks: dict[str, set[str]] = {}
    for key in tensors:
        if match := re.match(pattern, key):
            blocks.setdefault(match[1], set()).add(match[2])
    return tuple(len(blocks[level]) for level in sorted(blocks, key=lambda text: (len(text), text)))
