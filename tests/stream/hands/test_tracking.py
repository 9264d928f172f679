"""The real tracker: beside the picture, in the window's colours, over the wire."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from engines.pool import EnginePool
from engines.profile import Profile
from stream.capture import SourceOptions, open_source
from stream.deblurring import Deblurring
from stream.errors import StreamError
from stream.frame import ProcessedFrame
from stream.hands.landmarks import TrackedFrame
from stream.hands.model import assemble, find_model, model_problem
from stream.hands.overlay import Overlay
from stream.hands.surroundings import SIDES_PX, Surroundings
from stream.hands.tracker import HandTracker
from stream.hands.tracker_process import TrackerProcess, TrackerSettings
from stream.hands.tracking import HandSettings
from stream.output.null import Null
from stream.pipeline import Pipeline
from stream.subscription import subscribe
from tests.conftest import blur2blur, read_clip
from tests.stream.hands.synthetic_hand import bent_hand, tracked


class Keeper(Null):
    def __init__(self) -> None:
        self.frames: list[ProcessedFrame] = []

    def write(self, frame: ProcessedFrame) -> None:
        self.frames.append(frame)


def test_finds_the_hand_and_its_side(hand_model: Path, hand_clip: Path) -> None:
    tracker = HandTracker(hand_model, max_hands=1)
    try:
        for time_s in (0.0, 0.033, 0.033, 0.010):  # equal and earlier times are taken
            (hand,) = tracker.track(read_clip(hand_clip)[50][1], time_s)
        assert hand.side == "right"
        assert 0.07 < np.linalg.norm(hand.world[9] - hand.world[0]) < 0.12
        x, y = hand.points[:, :2].T
        assert ((x > 0) & (x < 640) & (y > 0) & (y < 360)).all()
        assert tracker.track(np.zeros((120, 160, 3), np.uint8), 0.1) == ()
    finally:
        tracker.close()


def run(
    source: str, model: Path, profile: Profile, *, realtime: bool = False, **arguments: object
) -> tuple[Keeper, Pipeline]:
    keeper = Keeper()
    pipeline = Pipeline(
        [open_source(source, SourceOptions(realtime=realtime))],
        [keeper],
        Deblurring(lambda: EnginePool(profile), "off"),
        hands=HandSettings(model=model, on="raw", max_hands=1),
        **arguments,  # type: ignore[arg-type]
    )
    pipeline.run()
    return keeper, pipeline


def test_every_frame_of_a_file_has_its_own_landmarks(
    hand_model: Path, hand_clip: Path, quick: Profile
) -> None:
    keeper, pipeline = run(str(hand_clip), hand_model, quick, seconds=3)
    assert len(keeper.frames) > 10
    for frame in keeper.frames:
        assert frame.hands is not None
        assert frame.hands.sequence == frame.captured.sequence
        assert len(frame.hands.hands) == 1
    assert pipeline.hands is not None
    assert pipeline.hands.frames == len(keeper.frames)
    assert pipeline.ledger.in_flight == 0


def test_a_slow_tracker_never_delays_the_picture(hand_model: Path, quick: Profile) -> None:
    def slow(tracked: TrackedFrame) -> None:
        time.sleep(0.3)

    keeper, pipeline = run(
        "synthetic:320x240@30?seconds=2", hand_model, quick, realtime=True, found=slow
    )
    assert pipeline.hands is not None
    assert 1 <= pipeline.hands.frames < 12
    assert len(keeper.frames) > 3 * pipeline.hands.frames


def test_a_file_beside_a_live_source_does_not_wait_for_a_tracker_that_stands_still(
    hand_model: Path, hand_clip: Path, quick: Profile
) -> None:
    """The engine's thread once waited for the tracker that it had stopped itself."""
    live = open_source("synthetic:320x240@30?seconds=3", SourceOptions(realtime=True))
    keeper = Keeper()
    pipeline = Pipeline(
        [live, open_source(str(hand_clip))],
        [keeper],
        Deblurring(lambda: EnginePool(quick), "off"),
        hands=HandSettings(model=hand_model, on="raw", max_hands=1),
        seconds=3,
    )
    pipeline.start()
    deadline = time.monotonic() + 60
    while pipeline.step_main_thread(0.02):
        assert time.monotonic() < deadline, "it hangs"
    pipeline.close()
    assert not pipeline.problems
    assert {frame.captured.source for frame in keeper.frames} == set(pipeline.ledgers)
    assert pipeline.ledger.in_flight == 0


@pytest.mark.parametrize("realtime", [False, True])
def test_a_tracker_that_dies_leaves_the_picture(
    hand_model: Path, quick: Profile, realtime: bool
) -> None:
    def die(tracked: TrackedFrame) -> None:
        if tracked.sequence > 5:
            raise RuntimeError("on purpose")

    said: list[str] = []
    keeper, pipeline = run(
        "synthetic:320x240@30?seconds=2", hand_model, quick,
        realtime=realtime, found=die, say=said.append,
    )  # fmt: skip
    assert pipeline.problems == ["the hand tracker failed: RuntimeError: on purpose"]
    assert any("going on without hands" in line for line in said)
    sequences = [frame.captured.sequence for frame in keeper.frames]
    assert sequences == sorted(sequences)
    assert keeper.frames[-1].hands is None
    assert len(keeper.frames) > 40
    assert pipeline.ledger.in_flight == 0


def test_recorded_with_the_skeleton_and_published_with_landmarks(
    hand_model: Path, hand_clip: Path, tmp_path: Path
) -> None:
    address = f"ipc://{tmp_path}/hands"
    stats = tmp_path / "s.json"
    live = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "live", str(hand_clip), "--hands", "--deblur", "off",
         "--realtime", "--to", f"zmq+{address}", "--to", str(tmp_path / "out.mkv"),
         "--stats", str(stats)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    notes = []
    with subscribe(address) as frames:
        while live.poll() is None:
            frame = frames.next_frame(0.5)
            if frame is not None and frame.header.hands is not None:
                notes.append(frame.header)
    assert live.wait(60) == 0, live.stderr.read() if live.stderr else ""
    assert len(notes) > 20
    hand = notes[-1].hands.hands[0]  # type: ignore[union-attr]
    assert hand.side == "right"
    assert 0 < hand.points[8][0] < 640
    assert json.loads(stats.read_text())["hands"]["frames_with_hands"] > 20
    original = read_clip(hand_clip)
    recorded = read_clip(tmp_path / "out.mkv")
    assert np.abs(recorded[-1][1].astype(int) - original[-1][1]).max() > 100


def test_overlay_says_what_there_is_and_mirrors() -> None:
    overlay = Overlay()
    picture = np.zeros((480, 640, 3), np.uint8)
    found = tracked(bent_hand(10, at=(100, 300)), 1.0, 30)
    assert overlay.draw(picture, found, found.captured_ns + 40_000_000) == (
        "right hand, 40 ms behind the picture"
    )
    assert picture[:, :320].any()
    assert not picture[:, 320:].any()
    mirrored = np.zeros_like(picture)
    overlay.angles = True
    overlay.draw(mirrored, found, found.captured_ns, mirrored=True)
    assert mirrored[:, 320:].any()
    assert not mirrored[:, :320].any()
    lost = tracked(None, 1.5, 45)
    assert overlay.draw(picture, lost, lost.captured_ns) == "hand lost for 0.5 s"
    assert Overlay().draw(picture, lost, lost.captured_ns) == "no hand seen"
    stale = np.zeros_like(picture)
    line = overlay.draw(stale, found, found.captured_ns + 2_000_000_000)
    assert line == "the tracker is 2.0 s behind"
    assert not stale.any()


def test_model_is_checked(hand_model: Path, tmp_path: Path) -> None:
    assert model_problem(hand_model) is None
    damaged = tmp_path / "hand_landmarker.task"
    damaged.write_bytes(hand_model.read_bytes()[:-100])
    with pytest.raises(StreamError, match="--again"):
        find_model(damaged)
    with pytest.raises(StreamError, match="there is no hand model"):
        find_model(tmp_path / "nothing.task")
    with pytest.raises(KeyError):
        assemble(hand_model, tmp_path / "made.task")


def test_model_command_says_where_it_is(hand_model: Path) -> None:
    result = blur2blur("hands", "model")
    assert result.returncode == 0
    assert str(hand_model) in result.stdout
    assert "SHA-256" in result.stdout


def test_hands_without_a_model_say_what_to_do(tmp_path: Path) -> None:
    result = blur2blur("live", "demo", "--to", "null", "--hands", XDG_DATA_HOME=str(tmp_path))
    assert result.returncode == 1
    assert "blur2blur hands model" in result.stderr


def test_only_the_hands_surroundings_are_deblurred(
    hand_model: Path, media: Path, quick: Profile
) -> None:
    keeper = Keeper()
    pipeline = Pipeline(
        [open_source(str(media / "hands" / "student.mkv"), SourceOptions())],
        [keeper],
        Deblurring(lambda: EnginePool(quick), "on"),
        hands=HandSettings(model=hand_model, max_hands=1, region=True),
    )
    pipeline.run()
    assert not pipeline.problems
    inside = 0
    for frame in keeper.frames:
        if frame.region is None:
            continue
        assert frame.region.width in (256, 384)
        changed = (frame.pixels != frame.captured.pixels).any(2)
        rows = slice(frame.region.top, frame.region.top + frame.region.height)
        columns = slice(frame.region.left, frame.region.left + frame.region.width)
        inside += int(changed[rows, columns].sum())
        changed[rows, columns] = False
        assert not changed.any()
    assert inside > 0
    assert keeper.frames[0].region is None, "no hand is known yet"


@pytest.mark.parametrize("size", [(384, 640), (480, 640), (256, 480)])
def test_the_engines_for_regions_are_there_before_the_frames(
    quick: Profile, size: tuple[int, int]
) -> None:
    pool = EnginePool(quick)
    deblurring = Deblurring(lambda: pool, "on")
    deblurring.region_sides = SIDES_PX
    deblurring.prepare(*size)
    ready = set(pool._engines)
    for flexion in (0, 10, 90):
        surroundings = Surroundings()
        surroundings.found(tracked(bent_hand(flexion, at=(size[1] / 2, size[0] / 2)), 0.0, 0))
        region = surroundings.at(0.0, *size)
        assert region is None or (region.height, region.width) in ready
    assert (384, 384) in ready or min(size) < 384


def beside(*hands: tuple[int, float], time_s: float) -> TrackedFrame:
    """Hands by their numbers and places, as the tracker found them."""
    found = [replace(bent_hand(90, at=(x, 240)), track=track) for track, x in hands]
    return replace(tracked(None, time_s, round(30 * time_s)), deblurred=tuple(found))


def test_a_second_hand_that_is_lost_is_looked_for_in_the_whole_frame() -> None:
    surroundings = Surroundings(max_hands=2)
    surroundings.found(beside((0, 250), (1, 350), time_s=0.0))
    assert surroundings.at(0.03, 480, 640) is not None
    for number in range(1, 60):
        surroundings.found(beside((0, 250), time_s=number / 30))
        region = surroundings.at(number / 30, 480, 640)
        if number <= 30:
            assert region is None
        elif region is None:
            break
    else:
        raise AssertionError("nobody looks for it any more")
    regions = [surroundings.at(number / 30, 480, 640) for _ in range(46)]
    assert sum(region is None for region in regions) == 2


def test_one_hand_of_one_is_not_searched_for_elsewhere() -> None:
    surroundings = Surroundings(max_hands=1)
    for number in range(60):
        surroundings.found(beside((number // 20, 250), time_s=number / 30))
        assert surroundings.at(number / 30, 480, 640) is not None


def test_a_tracker_stands_still_while_the_engine_works(
    hand_model: Path, hand_clip: Path, quick: Profile
) -> None:
    if sys.platform != "linux":
        pytest.skip("processes stand still on Linux only")
    settings = TrackerSettings(model=hand_model, max_hands=1, gives_way=True)
    tracker = TrackerProcess(settings)
    pixels = read_clip(hand_clip)[50][1]
    assert len(tracker.track(pixels, 0.0)) == 1
    tracker.stand_still()
    waiting = Thread(target=tracker.track, args=(pixels, 0.1))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    tracker.go_on()
    waiting.join(10)
    assert not waiting.is_alive()
    tracker.stand_still()
    assert len(tracker.track(pixels, 0.2)) == 1, "a picture has waited for long enough"
    os.kill(tracker.pid, signal.SIGKILL)
    with pytest.raises(StreamError, match="process has ended"):
        tracker.track(pixels, 0.3)
    tracker.close()


def test_a_tracker_that_cannot_load_says_why(tmp_path: Path, hand_model: Path) -> None:
    (tmp_path / "bad.task").write_bytes(b"no model")
    with pytest.raises(StreamError, match="does not load"):
        TrackerProcess(TrackerSettings(model=tmp_path / "bad.task"))
