"""Draw a picture of a clip before and after, with enlarged details.

Run: python -m benchmarks.before_after CLIP PICTURE [--frame N] [--detail X,Y,SIZE]
"""

import argparse
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.contact_sheet import write_picture
from engines.engine import EngineShape
from engines.folders import engine_cache
from engines.profile import DEFAULT_PROFILE, load_profile
from engines.selection import choose_engine
from stream.capture import open_source
from stream.output.picture import split_view, write_lines

_DETAIL_PX = 480


def before_after(
    before: NDArray[np.uint8], after: NDArray[np.uint8], detail: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Two enlarged squares beside each other, uint8 (480, 970, 3) BGR; RGB goes in."""
    x, y, size = detail
    halves = []
    for picture, label in ((before, "before"), (after, "after")):
        square = split_view(picture, picture, 0.0)[y : y + size, x : x + size]
        large = cv2.resize(square, (_DETAIL_PX, _DETAIL_PX), interpolation=cv2.INTER_CUBIC)
        enlarged = np.asarray(large, np.uint8)
        write_lines(enlarged, [label])
        halves.append(enlarged)
    gap = np.full((_DETAIL_PX, 10, 3), 255, np.uint8)
    return np.concatenate([halves[0], gap, halves[1]], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--frame", type=int, default=0)
    parser.add_argument("--detail", default="0,0,240", help="x,y,size in pixels")
    arguments = parser.parse_args()
    pictures = open_source(arguments.clip).open().pictures()
    before = next(islice(pictures, arguments.frame, None)).pixels
    shape = EngineShape(height=before.shape[0], width=before.shape[1])
    engine = choose_engine(load_profile(DEFAULT_PROFILE), shape, cache=engine_cache()).engine
    after = engine(before[None])[0]
    x, y, size = (int(part) for part in arguments.detail.split(","))
    write_picture(arguments.picture, before_after(before, after, (x, y, size))[:, :, ::-1])


if __name__ == "__main__":
    main()
