import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.capture import open_source
from stream.capture.synthetic import SyntheticSettings, read_number, write_number
from stream.errors import SourceError


@given(st.integers(0, 2**32 - 1))
def test_number_survives_blur_noise_and_jpeg(number: int) -> None:
    pixels = np.full((48, 160, 3), 128, np.uint8)
    write_number(pixels, number)
    assert read_number(pixels) == number
    noise = np.random.default_rng(number).normal(0, 10, pixels.shape)
    blurred = np.clip(cv2.GaussianBlur(pixels, (5, 5), 0) + noise, 0, 255).astype(np.uint8)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", blurred)[1], cv2.IMREAD_COLOR)
    assert read_number(jpeg) == number


def numbers(address: str) -> list[int]:
    return [read_number(p.pixels) for p in open_source(f"synthetic:{address}").open().pictures()]


def test_frames_come_numbered() -> None:
    assert numbers("160x96@0?seconds=1") == list(range(30))


def test_losses_are_the_same_every_time() -> None:
    lossy = numbers("160x96@0?seconds=10&lose=0.1")
    assert lossy == numbers("160x96@0?seconds=10&lose=0.1")
    assert 250 < len(lossy) < 290


def test_stall_is_a_gap_in_the_numbers() -> None:
    seen = numbers("160x96@0?seconds=3&stall=1%2B1")
    assert seen == [*range(30), *range(60, 90)]


def test_clock_does_not_wait_for_a_slow_reader() -> None:
    import time

    pictures = open_source("synthetic:160x96@50?seconds=1").open().pictures()
    next(pictures)
    time.sleep(0.3)
    late = next(pictures)
    assert (time.perf_counter_ns() - late.captured_ns) / 1e9 > 0.2


@pytest.mark.parametrize(
    "address", ["640", "axb", "160x96@fast", "160x96@30?frames=3", "16x16", "160x96@-1", "?lose=2"]
)
def test_what_is_not_understood_is_an_error(address: str) -> None:
    with pytest.raises(SourceError, match="synthetic:"):
        SyntheticSettings.parse(address)
