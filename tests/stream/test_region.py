"""Parts of frames, cut out and put back."""

import numpy as np
import pytest

from stream.hands.surroundings import SIDES_PX, Surroundings
from stream.region import Region
from tests.conftest import picture
from tests.stream.hands.synthetic_hand import bent_hand, tracked


def test_what_is_put_back_unchanged_changes_nothing() -> None:
    frame = picture(3, 320, 240)
    for top, left in ((0, 0), (50, 80), (112, 192)):
        region = Region(top=top, left=left, height=128, width=128)
        part = region.cut(frame)
        assert part.flags.c_contiguous
        assert np.array_equal(region.put_back(frame, part), frame)


def test_the_part_is_shown_whole_but_for_its_inner_edges() -> None:
    frame = np.zeros((240, 320, 3), np.uint8)
    region = Region(top=0, left=100, height=128, width=128)
    whole = region.put_back(frame, np.full((128, 128, 3), 255, np.uint8))
    assert (whole[0:112, 116:212] == 255).all(), "the upper edge is the frame's own"
    assert 0 < whole[127, 160, 0] < 20
    assert not whole[128:].any()
    assert not whole[:, :100].any()
    assert not frame.any()
    ramp = whole[60, 100:117, 0].astype(int)
    assert (np.diff(ramp) >= 0).all()


def test_the_region_goes_ahead_of_a_moving_hand() -> None:
    surroundings = Surroundings()
    assert surroundings.at(0.0, 480, 640) is None
    for number in range(3):
        surroundings.found(tracked(bent_hand(10, at=(200 + 20 * number, 240)), number / 30, number))
    region = surroundings.at(4 / 30, 480, 640)
    assert region is not None
    assert region.height == region.width == 384
    hand = bent_hand(10, at=(280, 240)).points
    assert region.left < hand[:, 0].min() - 40
    assert region.left + region.width > hand[:, 0].max() + 40


@pytest.mark.parametrize("at", [(30, 30), (630, 470), (320, 240)])
def test_regions_stay_inside_the_frame(at: tuple[float, float]) -> None:
    surroundings = Surroundings()
    surroundings.found(tracked(bent_hand(90, at=at), 0.0, 0))
    region = surroundings.at(0.03, 480, 640)
    assert region is not None
    assert region.height in SIDES_PX
    assert region.top >= 0
    assert region.left >= 0
    assert region.top + region.height <= 480
    assert region.left + region.width <= 640


def test_the_whole_frame_where_the_hand_is_lost_or_fills_it() -> None:
    surroundings = Surroundings()
    surroundings.found(tracked(bent_hand(10), 0.0, 0))
    assert surroundings.at(0.2, 480, 640) is not None
    assert surroundings.at(0.3, 480, 640) is None, "too long ago"
    assert surroundings.at(0.1, 240, 320) is None, "the region would be the frame"
    surroundings.found(tracked(None, 0.1, 3))
    assert surroundings.at(0.11, 480, 640) is None
