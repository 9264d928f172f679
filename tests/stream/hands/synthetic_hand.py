"""Hands whose movement is known, as a tracker would report them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stream.hands.landmarks import INDEX_MCP, INDEX_TIP, THUMB_TIP, Hand, TrackedFrame
from stream.hands.session import Sidecar, Task, read_session, write_sidecar
from stream.hands.session_table import FILE_NAME
from stream.hands.session_writer import SessionWriter

if TYPE_CHECKING:
    from stream.hands.measures import Measure

PALM_PX, PALM_M = 80.0, 0.09
BONES_M = np.array([0.04, 0.025, 0.02])[:, None]
AWAY = np.array([0.0, 0.0, 1.0])
SPREAD = np.radians(np.arange(-30, 31, 15))
ACROSS = np.stack([np.sin(SPREAD), -np.cos(SPREAD), np.zeros(5)], axis=1)[:, None]

Movement = Callable[[float], Hand]


def bent_hand(
    flexion: float | NDArray[np.float64], *, at: tuple[float, float] = (320, 240)
) -> Hand:
    """A hand whose joints are all bent by ``flexion`` degrees, or each finger's three by their own.

    Args:
        flexion: degrees, a number or (5, 3): of thumb, index, middle, ring, pinky; MCP, PIP, DIP
            (the thumb's: CMC, MCP, IP).
    """
    angles = np.cumsum(np.radians(np.broadcast_to(np.asarray(flexion, float), (5, 3))), axis=1)
    steps = BONES_M * (np.cos(angles)[..., None] * ACROSS + np.sin(angles)[..., None] * AWAY)
    world = np.zeros((21, 3))
    world[1:] = np.cumsum(np.concatenate([PALM_M * ACROSS, steps], axis=1), axis=1).reshape(20, 3)
    points = world * (PALM_PX / PALM_M) + [*at, 0]
    return Hand(
        points=points.astype(np.float32),
        world=world.astype(np.float32),
        side="right",
        side_score=0.97,
    )


STRAIGHT = bent_hand(0)


def open_by(lengths: float) -> Hand:
    """A hand whose thumb and index tips are so far apart, in lengths of wrist to index root."""
    hand = STRAIGHT
    points = hand.points.copy()
    unit = np.linalg.norm(points[INDEX_MCP] - points[0])
    points[THUMB_TIP] = points[INDEX_TIP] - [lengths * unit, 0, 0]
    return Hand(points=points, world=hand.world, side="right", side_score=0.97)


def tracked(hand: Hand | None, time_s: float, number: int) -> TrackedFrame:
    hands = () if hand is None else (hand,)
    return TrackedFrame(
        source="synthetic",
        sequence=number,
        pts_s=time_s,
        captured_ns=round(time_s * 1e9),
        blur=0.1,
        bypassed=False,
        deblurred=hands,
        raw=hands,
        finished_ns=round(time_s * 1e9),
        tracker_ms=1.0,
    )


def write_session(
    folder: Path,
    movement: Movement,
    *,
    task: Task = "free",
    fps: float = 30.0,
    seconds: float = 15.0,
    missing: float = 0.0,
    jitter_s: float = 0.0,
    lost_s: Sequence[tuple[float, float]] = (),
    pauses_s: Sequence[tuple[float, float]] = (),
    times_s: Sequence[float] | None = None,
    arrivals_s: Sequence[float] | None = None,
    identity: str = "00000000",
) -> Path:
    """Record a movement with the real writer.

    Args:
        missing: share of frames without a hand, single ones and pairs at random.
        jitter_s: standard deviation of the frames' times.
        lost_s: from when to before when there is no hand.
        pauses_s: behind when and up to when nothing is recorded.
        times_s: of the frames, instead of `seconds` evenly.
        arrivals_s: what is written down instead of when the frames were taken.
        identity: the session's id.
    """
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    writer = SessionWriter(folder / FILE_NAME)
    even_s = [number / fps for number in range(round(fps * seconds))]
    for number, due_s in enumerate(even_s if times_s is None else times_s):
        if any(begin < due_s <= end for begin, end in pauses_s):
            continue
        time_s = max(0.0, due_s + jitter_s * float(np.clip(random.normal(), -2, 2)))
        lost = any(begin <= due_s < end for begin, end in lost_s)
        hand = None if random.uniform() < missing or lost else movement(time_s)
        stamp_s = time_s if arrivals_s is None else arrivals_s[number]
        writer.write(tracked(hand, stamp_s, number), stamp_s)
    writer.close()
    write_sidecar(
        folder,
        Sidecar(
            id=identity,
            participant="P01",
            task=task,
            hand="right",
            consent="none: it is synthetic",
            begun="2026-01-01T00:00:00.000+00:00",
            fps=fps,
            width=640,
            height=480,
            state="complete",
            pauses_s=[[*pause] for pause in pauses_s],
        ),
    )
    return folder


def tapping(rate_hz: float, amplitude: float, pause: tuple[float, float] = (99, 99)) -> Movement:
    def hand(time_s: float) -> Hand:
        passed = min(time_s, pause[0]) + max(0.0, time_s - pause[1])
        return open_by(0.2 + amplitude * (0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * passed)))

    return hand


def measured(folder: Path) -> dict[str, "Measure"]:
    """What a session's measures are, the same of both pictures."""
    from stream.hands.measures import measure_session  # needs the extra hands

    raw, deblurred = measure_session(read_session(folder))
    assert raw.measures == deblurred.measures
    return {measure.name: measure for measure in raw.measures}
