"""Charts and pictures as addresses that hold them whole, for pages that load nothing."""

import base64
import io
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of so many inches; needs matplotlib (extras `train` and `hands`)."""
    from matplotlib.figure import Figure  # takes a second to load

    return Figure(figsize=(width, height), layout="constrained")


def chart_address(figure: "Figure") -> str:
    """An SVG that looks the same every time."""
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    text = io.BytesIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return _address("image/svg+xml", text.getvalue())


def picture_address(picture: NDArray[np.uint8], quality: int = 92) -> str:
    """A JPEG of uint8 (H, W, 3) RGB."""
    encoded, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert encoded
    return _address("image/jpeg", data.tobytes())


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
