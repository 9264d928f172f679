import numpy as np
import pytest

from calibration.camera import Camera, to_display, to_linear


def test_display_values_survive_the_way_to_light_and_back() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert np.array_equal(to_display(to_linear(values)), values)


def test_noise_is_as_strong_as_it_was_drawn() -> None:
    grey = to_linear(np.full((200, 200, 3), 120, np.uint8))
    spreads = [Camera(max_noise=4).expose(grey, np.random.default_rng(s)).std() for s in range(40)]
    assert max(spreads) < 4.1
    assert np.mean(spreads) == pytest.approx(2, abs=0.4)


def test_some_pictures_are_compressed() -> None:
    random = np.random.default_rng(0)
    light = to_linear(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    plain = Camera(max_noise=0).expose(light, np.random.default_rng(1))
    camera = Camera(max_noise=0, compressed_share=0.5, jpeg_quality=(50, 60))
    changed = [
        not np.array_equal(camera.expose(light, np.random.default_rng(seed)), plain)
        for seed in range(60)
    ]
    assert 15 < sum(changed) < 45


@pytest.mark.parametrize(
    "settings",
    [{"max_noise": -1}, {"compressed_share": 2}, {"jpeg_quality": (90, 50)}],
)
def test_impossible_cameras_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Camera(**settings)  # type: ignore[arg-type]
