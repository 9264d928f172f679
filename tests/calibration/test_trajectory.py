import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.trajectory import (
    Movement,
    linear_trajectory,
    rasterise,
    shake_kernel,
    shake_trajectory,
)


@given(extent=st.floats(0.5, 40), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_trajectory_has_its_extent_and_passes_the_origin_at_mid_exposure(
    extent: float, seed: int
) -> None:
    path = shake_trajectory(extent, np.random.default_rng(seed))
    assert max(np.ptp(path, axis=0)) == pytest.approx(extent)
    assert path[len(path) // 2] == pytest.approx([0, 0])


def test_centroid_may_be_the_origin() -> None:
    for seed in range(20):
        kernel = shake_kernel(20, np.random.default_rng(seed), "centroid").astype(float)
        y, x = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
        assert (kernel * x).sum() == pytest.approx(0, abs=0.01)
        assert (kernel * y).sum() == pytest.approx(0, abs=0.01)


@given(extent=st.floats(0, 40), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_kernel_keeps_brightness_and_has_a_centre(extent: float, seed: int) -> None:
    kernel = shake_kernel(extent, np.random.default_rng(seed))
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.min() >= 0
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1


def test_no_motion_is_a_single_pixel() -> None:
    kernel = rasterise(np.zeros((256, 2)))
    assert kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] == pytest.approx(1)


def test_half_a_pixel_is_shared_between_two() -> None:
    kernel = rasterise(np.tile([0.5, 0.0], (256, 1)))
    row = kernel[kernel.shape[0] // 2]
    centre = kernel.shape[0] // 2
    assert row[centre : centre + 2] == pytest.approx([0.5, 0.5])


@given(extent=st.floats(2, 40), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_a_line_has_its_extent_and_passes_the_origin_evenly(extent: float, seed: int) -> None:
    path = linear_trajectory(extent, np.random.default_rng(seed))
    assert max(np.ptp(path, axis=0)) == pytest.approx(extent)
    assert path[len(path) // 2] == pytest.approx([0, 0])
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < 5 * steps.min()
    chord = np.linalg.norm(path[-1] - path[0])
    assert steps.sum() < 1.05 * chord


def test_movements_are_as_often_linear_as_asked() -> None:
    def bends(share: float) -> int:
        movement = Movement(linear_share=share)
        random = np.random.default_rng(2)
        paths = [movement.trajectory(random) for _ in range(60)]
        ways = [np.linalg.norm(np.diff(path, axis=0), axis=1).sum() for path in paths]
        chords = [np.linalg.norm(path[-1] - path[0]) for path in paths]
        return int(np.sum(np.array(ways) > 1.05 * np.array(chords)))

    assert bends(1.0) == 0
    assert 0 < bends(0.5) < bends(0.0)


@pytest.mark.parametrize(
    "settings_", [{"min_extent_px": 9.0, "max_extent_px": 5.0}, {"linear_share": 1.5}]
)
def test_impossible_movement_is_refused(settings_: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Movement(**settings_)
