"""Measures of how near a picture is to its truth; all take uint8 (H, W, 3) RGB of one size.

No single one is to be trusted: PSNR rewards an average of guesses and punishes a shift by a pixel
more than blur; GMSD looks at edges only. The feature distance is in ``calibration.features``.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.selfcheck import psnr_db

Picture = NDArray[np.uint8]

__all__ = ["gmsd", "psnr_db", "shift_psnr_db", "ssim"]

_GMSD_STABILITY = 170.0


def shift_psnr_db(picture: Picture, truth: Picture, reach_px: int = 3) -> float:
    """The best PSNR over whole-pixel shifts of up to ``reach_px`` each way, without the border.

    Where in the exposure the truth lies is partly a convention; a picture that is sharp but
    displaced is not punished here.
    """
    r = reach_px
    height, width = truth.shape[:2]
    inner = truth[r : height - r, r : width - r]
    return max(
        psnr_db(picture[dy : height - 2 * r + dy, dx : width - 2 * r + dx], inner)
        for dy in range(2 * r + 1)
        for dx in range(2 * r + 1)
    )


def ssim(picture: Picture, truth: Picture) -> float:
    """Structural similarity (Wang et al., IEEE TIP 2004) with its Gaussian window; 1 is equal."""
    from skimage.metrics import structural_similarity

    value = structural_similarity(  # type: ignore[no-untyped-call]
        picture,
        truth,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)


def gmsd(picture: Picture, truth: Picture) -> float:
    """Gradient magnitude similarity deviation (Xue et al., IEEE TIP 2014); 0 is equal.

    On luminance at half the size, with Prewitt gradients and the constant 170, as in the paper.
    """
    a, b = _gradient_magnitude(picture), _gradient_magnitude(truth)
    similarity = (2 * a * b + _GMSD_STABILITY) / (a**2 + b**2 + _GMSD_STABILITY)
    return float(similarity.std())


def _gradient_magnitude(picture: Picture) -> NDArray[np.float64]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    half = cv2.blur(grey, (2, 2))[::2, ::2]
    across = np.array([[1, 0, -1]] * 3) / 3.0
    dx = cv2.filter2D(half, -1, across, borderType=cv2.BORDER_REPLICATE)
    dy = cv2.filter2D(half, -1, across.T, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.hypot(dx, dy), np.float64)
