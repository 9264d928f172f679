"""Pictures of any size on a canvas of one."""

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray


def letterboxed(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The picture as large as it fits into (height, width), in the middle, on black."""
    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    rows = max(1, min(height, round(pixels.shape[0] * scale)))
    columns = max(1, min(width, round(pixels.shape[1] * scale)))
    frame = VideoFrame.from_ndarray(pixels, format="rgb24")
    canvas = np.zeros((height, width, 3), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas[top : top + rows, left : left + columns] = frame.to_ndarray(
        format="rgb24", width=columns, height=rows
    )
    return canvas
