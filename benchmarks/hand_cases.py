"""Frames with a hand that stands still, blurred as if it had moved: by parts of its own length."""

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, to_linear
from calibration.errors import CalibrationError
from calibration.trajectory import rasterise
from stream.capture import SourceOptions, open_source
from stream.hands.landmarks import Hand
from stream.hands.tracker_process import TrackerProcess, TrackerSettings

Picture = NDArray[np.uint8]

CLIP_FPS = 30.0
"""What the clips of hands are taken to have."""
SUFFIXES = (".mkv", ".mp4", ".avi", ".mov", ".webm")
DIRECTIONS = 6
_STILL_PALMS = 0.1
_A_CLIP = 6
_NOISE = 2.0


@dataclass(frozen=True, eq=False)
class StillHand:
    """A sharp frame, and where the tracker sees the hand in it."""

    clip: str
    number: int
    pixels: Picture
    hand: Hand


@dataclass(frozen=True, eq=False)
class BlurredHand:
    """The same frame, as if the camera had moved while it was exposed."""

    pixels: Picture
    kernel: NDArray[np.float32]


def find_clips(folder: Path) -> list[Path]:
    """Raises CalibrationError where there is none."""
    clips = sorted(path for path in folder.glob("*") if is_clip(path))
    if not clips:
        raise CalibrationError(f"there is no clip in {folder}; name a folder of clips with --data")
    return clips


def is_clip(path: Path) -> bool:
    """Not what a Mac puts beside each file, ``._x.mp4``, nor a folder or a link to nowhere."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def read_frames(clip: Path) -> Iterator[Picture]:
    """One by one: a minute of Full HD is eleven gigabytes as pixels."""
    with closing(open_source(str(clip), SourceOptions()).open()) as capture:
        for picture in capture.pictures():
            yield picture.pixels


def still_hands(clips: list[Path], model: Path) -> list[StillHand]:
    """At most six frames a clip in which a hand hardly moved since the frame before, or after.

    Raises:
        CalibrationError: there is none.
    """
    tracker = TrackerProcess(TrackerSettings(model=model, mode="image"))
    found: list[StillHand] = []
    for clip in clips:
        still: list[tuple[int, Hand]] = []
        for number, (before, frame, after) in _every_second(read_frames(clip)):
            around = [tracker.track(near, 0.0) for near in (before, after)]
            whole = [hand for hand in tracker.track(frame, 0.0) if _is_inside(hand, frame)]
            hands = [hand for hand in whole if all(_is_still(hand, near) for near in around)]
            still += [(number, hand) for hand in hands[:1]]
        chosen = dict(still[:: max(1, -(-len(still) // _A_CLIP))])
        found += [
            StillHand(clip.stem, number, frame, chosen[number])
            for number, frame in enumerate(read_frames(clip))
            if number in chosen
        ]
    tracker.close()
    if not found:
        raise CalibrationError("no frame of these clips shows a hand that stands still")
    return found


def _every_second(frames: Iterator[Picture]) -> Iterator[tuple[int, tuple[Picture, ...]]]:
    """Frames 1, 3, 5 and so on by their numbers, each between its neighbours."""
    last: deque[Picture] = deque(maxlen=3)
    for number, frame in enumerate(frames):
        last.append(frame)
        if number and number % 2 == 0:
            yield number - 1, tuple(last)


def blurred_hands(still: StillHand, palms: float, seed: int) -> Iterator[BlurredHand]:
    """The frame with linear motion of so many palm lengths, in several directions.

    In linear light, with a response of gamma 2.2 and noise of at most 2/255.
    """
    length = palms * still.hand.palm_px
    for direction in range(DIRECTIONS):
        random = np.random.default_rng((seed, still.number, direction))
        angle = np.pi * (direction + random.uniform(0, 1)) / DIRECTIONS
        path = np.linspace(-0.5, 0.5, 257)[:, None] * length * [np.cos(angle), np.sin(angle)]
        kernel = rasterise(path)
        light = cv2.filter2D(to_linear(still.pixels), -1, kernel, borderType=cv2.BORDER_REFLECT)
        yield BlurredHand(Camera(max_noise=_NOISE).expose(np.asarray(light), random), kernel)


def _is_inside(hand: Hand, frame: Picture) -> bool:
    """All of it is to be seen, and what surrounds it: half a palm on every side."""
    margin = 0.5 * hand.palm_px
    low, high = hand.points[:, :2].min(0) - margin, hand.points[:, :2].max(0) + margin
    return bool((low >= 0).all() and high[0] <= frame.shape[1] and high[1] <= frame.shape[0])


def _is_still(hand: Hand, others: tuple[Hand, ...]) -> bool:
    steps = [np.linalg.norm((hand.points - o.points)[:, :2], axis=1).max() for o in others]
    return bool(steps) and min(steps) < _STILL_PALMS * hand.palm_px
