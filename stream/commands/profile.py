"""`profile …`"""

from pathlib import Path
from typing import Annotated

import typer

from stream.commands.common import console, needs_extra_train

app = typer.Typer(help="Weights to choose from: names for `live --profile`.", no_args_is_help=True)


@app.command("import")
def profile_import(
    name: Annotated[str, typer.Argument(help="The new profile's name.")],
    weights: Annotated[
        Path, typer.Option(help="File of weights: `NAFNet-GoPro-width32.pth`, `MIMO-UNet.pkl`, …")
    ],
    about: Annotated[
        str, typer.Option(help="A line for the card: where it is from, its licence.")
    ] = "",
) -> None:
    """Use published NAFNet or MIMO-UNet weights as the deblurrer: `live --profile NAME`.

    The file is read without executing anything in it, and must hold finite weights of the network's
    names and shapes.
    """
    with needs_extra_train():
        from calibration.import_weights import import_weights
    from engines.folders import user_profiles

    folder = user_profiles() / name
    spec = import_weights(weights, folder, name=name, about=about)
    console().print(f"{folder}: {spec}", markup=False, highlight=False)
