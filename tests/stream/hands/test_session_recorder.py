"""What is written down of a session while it goes on."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from stream.errors import StreamError
from stream.frame import Frame, ProcessedFrame
from stream.hands.identity import Identities
from stream.hands.session import VIDEO
from stream.hands.session_recorder import SessionRecorder
from stream.hands.session_table import FILE_NAME, read_rows
from stream.hands.session_video import SessionVideo
from stream.metrics import Ledger
from tests.conftest import files_no_larger_than, picture, read_clip
from tests.stream.hands.synthetic_hand import bent_hand, tracked


def test_pauses_and_the_end(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=2.0, countdown_s=0.0)
    for number in range(300):
        if number in (30, 90):
            recorder.toggle_pause()
        if recorder.over:
            break
        recorder.take(tracked(bent_hand(10), 100 + number / 30, number))
    recorder.close()
    assert number == 121
    assert recorder.pauses_s == [[pytest.approx(29 / 30), pytest.approx(89 / 30)]]
    times = [float(row["time_s"]) for row in read_rows(tmp_path / FILE_NAME)][::2]
    assert times[0] == 0
    assert not [t for t in times if 1.0 <= t < 2.99]
    assert recorder.recorded_s == pytest.approx(2.0, abs=0.05)


def test_frames_are_counted_from_the_first_recorded_one_on(tmp_path: Path) -> None:
    """Half a second of countdown, every third frame looked at, and a second of pause."""
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.2)
    for number in range(0, 120, 3):
        if number == 15:
            time.sleep(0.2)
        if number in (45, 75):
            recorder.toggle_pause()
        recorder.take(tracked(bent_hand(10), number / 30, number))
    recorder.close()
    assert recorder.frames == 10 + 15
    assert recorder.captured == 28 + 43  # of frames 15 to 42, and 75 to 117


def test_an_outage_is_not_recorded_time(tmp_path: Path) -> None:
    """The camera is unplugged for 20 s, and for 10 s more while space is pressed twice."""
    recorder = SessionRecorder(tmp_path, "free", seconds=15.0, countdown_s=0.0)
    seen_s = [number / 30 for number in range(900)]
    times_s = [t + 20 * (t >= 2) + 10 * (t >= 4) for t in seen_s]
    for number, time_s in enumerate(times_s):
        if recorder.over:
            break
        if number == 120:
            recorder.toggle_pause()
            recorder.toggle_pause()
        recorder.take(tracked(bent_hand(10), time_s, number))
    recorder.close()
    assert recorder.outage_s == pytest.approx(30, abs=0.1)
    assert recorder.recorded_s == pytest.approx(15, abs=0.1)
    assert recorder.frames == pytest.approx(450, abs=5)


def test_an_outage_in_a_pause_is_part_of_it(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    for number in range(90):
        if number in (30, 60):
            recorder.toggle_pause()
        recorder.take(tracked(bent_hand(10), number / 30 + 20 * (number >= 45), number))
    recorder.close()
    assert recorder.outage_s == 0
    assert recorder.recorded_s == pytest.approx(2, abs=0.1)


def test_drops_of_pauses_are_not_counted(tmp_path: Path) -> None:
    """Every second frame is dropped: in the countdown, in a second of pause, and before it."""
    ledger = Ledger()
    recorder = SessionRecorder(
        tmp_path, "free", seconds=None, countdown_s=0.0, dropped=lambda: ledger.dropped
    )
    ledger.count_dropped("engine_building")
    for number in range(0, 120, 2):
        if number in (40, 70):
            recorder.toggle_pause()
        recorder.take(tracked(bent_hand(10), number / 30, number))
        ledger.count_dropped("engine_busy")
    assert recorder.dropped == {"engine_busy": recorder.captured - recorder.frames + 2}
    recorder.toggle_pause()
    recorder.take(tracked(bent_hand(10), 4.0, 120))
    before = recorder.dropped
    ledger.count_dropped("engine_busy")
    assert recorder.dropped == before
    recorder.close()


def test_a_pause_before_the_first_row_only_delays_it(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    recorder.toggle_pause()
    recorder.take(tracked(bent_hand(10), 5.0, 0))
    assert recorder.begun is None
    recorder.toggle_pause()
    recorder.take(tracked(bent_hand(10), 6.0, 30))
    recorder.close()
    assert recorder.begun is not None
    assert recorder.first_pts_s == 6.0
    assert recorder.pauses_s == []


def test_what_the_sidecar_lacks_is_told_before_the_rows(tmp_path: Path) -> None:
    told: list[tuple[float | None, int, int]] = []

    def note() -> None:
        told.append((recorder.first_pts_s, len(recorder.pauses_s), recorder.frames))

    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0, note=note)
    for number in range(60):
        if number in (10, 20, 40, 50):
            recorder.toggle_pause()
        recorder.take(tracked(bent_hand(10), 2 + number / 30, number))
    recorder.close()
    assert told == [(2.0, 0, 0), (2.0, 1, 10), (2.0, 2, 30)]


def test_a_hand_that_was_taken_for_the_other_one_is_counted(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    identities = Identities("left")
    right = bent_hand(10)
    for number in range(4):
        hand = replace(right, side="left") if number == 2 else right
        (hand,) = identities.assign([hand], number / 30)
        recorder.take(tracked(hand, number / 30, number))
    recorder.close()
    assert (recorder.with_hand, recorder.as_other_hand) == (4, 3)
    rows = list(read_rows(tmp_path / FILE_NAME))
    assert {row["side"] for row in rows} == {"left"}
    assert [row["side_score"] for row in rows][::2] == ["0.030", "0.030", "0.970", "0.030"]


@pytest.mark.parametrize("tracker_first", [True, False], ids=["file", "live"])
def test_the_video_holds_what_is_recorded_only(tmp_path: Path, tracker_first: bool) -> None:
    """Nothing of the countdown, of the pause, or after the end, also where it sees frames first."""
    recorder = SessionRecorder(tmp_path, "free", seconds=1.0, countdown_s=0.5)
    video = SessionVideo(tmp_path / VIDEO, recorder)
    for number in range(100):
        if number == 10:
            time.sleep(0.5)
        if number in (25, 55):
            recorder.toggle_pause()
        found, frame = tracked(bent_hand(10), 7 + number / 30, number), filmed(number)
        if tracker_first:
            recorder.take(found)
            video.write(frame)
        else:
            video.write(frame)
            recorder.take(found)
    recorder.close()
    video.close()
    assert recorder.over
    assert recorder.first_pts_s is not None
    times = [float(row["time_s"]) for row in read_rows(tmp_path / FILE_NAME)][::2]
    if not tracker_first:
        times = times[1:]  # it began with this one, which the video knew only afterwards
    recorded = [pts_s - recorder.first_pts_s for pts_s, _ in read_clip(tmp_path / VIDEO)]
    assert recorded == pytest.approx(times, abs=1e-3)


def filmed(number: int) -> ProcessedFrame:
    frame = Frame(
        pixels=picture(number),
        source="synthetic",
        sequence=number,
        pts_s=7 + number / 30,
        captured_ns=0,
        posted_ns=0,
    )
    return ProcessedFrame(
        captured=frame, pixels=frame.pixels, bypassed=True, blur=None, taken_ns=0, finished_ns=0
    )


def test_a_tracker_that_is_slow_is_no_outage(tmp_path: Path) -> None:
    """Of 30 frames a second it takes every 72nd: 2.4 s apart. Once the camera is gone for 20 s."""
    recorder = SessionRecorder(tmp_path, "free", seconds=15.0, countdown_s=0.0)
    for number in range(0, 900, 72):
        if recorder.over:
            break
        recorder.take(tracked(bent_hand(10), number / 30 + 20 * (number >= 200), number))
    recorder.close()
    assert recorder.outage_s == pytest.approx(20, abs=0.1)
    assert recorder.recorded_s == pytest.approx(16.8, abs=0.1)
    assert recorder.over


def test_a_source_of_a_frame_every_three_seconds_is_recorded(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=15.0, countdown_s=0.0)
    for number in range(6):
        recorder.take(tracked(bent_hand(10), 3.0 * number, number))
    recorder.close()
    assert recorder.over
    assert recorder.outages_s == []


def test_an_outage_is_noted_and_the_hand_may_have_moved_in_it(tmp_path: Path) -> None:
    told: list[list[list[float]]] = []

    def note() -> None:
        told.append([*recorder.outages_s])

    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0, note=note)
    for number in range(60):
        elsewhere = bent_hand(10, at=(480, 240) if number >= 30 else (320, 240))
        recorder.take(tracked(elsewhere, number / 30 + 5 * (number >= 30), number))
    recorder.close()
    assert told == [[], [[pytest.approx(29 / 30), pytest.approx(29 / 30 + 5)]]]
    jumps = [row["jump_palms"] for row in read_rows(tmp_path / FILE_NAME)]
    assert max(float(jump or 0) for jump in jumps) < 0.1


def test_what_was_recorded_before_a_pause_is_on_the_disk_in_it(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    for number in range(3):
        recorder.take(tracked(bent_hand(10), number / 30, number))
    recorder.toggle_pause()
    recorder.take(tracked(bent_hand(10), 3 / 30, 3))
    times = [float(row["time_s"]) for row in read_rows(tmp_path / FILE_NAME)]
    assert times[::2] == pytest.approx([0, 1 / 30, 2 / 30], abs=1e-6)
    recorder.close()


def test_a_table_that_cannot_grow_is_readable_up_to_there(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    with (
        files_no_larger_than(30_000),
        pytest.raises(StreamError, match=r"landmarks\.csv cannot be written: File too large"),
    ):
        for number in range(100):
            recorder.take(tracked(bent_hand(10), number / 30, number))
    recorder.close()
    assert recorder.frames > 5
    assert len(list(read_rows(tmp_path / FILE_NAME))) > 10


def test_a_table_that_cannot_be_finished_is_closed(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    recorder.take(tracked(bent_hand(10), 0.0, 0))  # the first row is on the disk at once
    table = tmp_path / FILE_NAME
    size = table.stat().st_size
    with (
        files_no_larger_than(size),
        pytest.raises(StreamError, match="what was recorded until now stays"),
    ):
        try:
            recorder.take(tracked(bent_hand(10), 0.1, 1))
        finally:
            recorder.close()
    assert recorder._writer._file.closed
    assert len(list(read_rows(table))) == 2


def test_countdown_is_not_recorded(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "rest", seconds=None, countdown_s=60.0)
    recorder.take(tracked(bent_hand(10), 0.0, 0))
    assert recorder.frames == 0
    assert "get ready" in recorder.banner
    recorder.close()


def test_a_jump_and_a_growing_bone_are_seen(tmp_path: Path) -> None:
    recorder = SessionRecorder(tmp_path, "free", seconds=None, countdown_s=0.0)
    still = bent_hand(10)
    for number in range(10):
        recorder.take(tracked(still, number / 30, number))
    moved = bent_hand(10, at=(480, 240))
    recorder.take(tracked(replace(moved, world=1.5 * moved.world), 10 / 30, 10))
    recorder.close()
    last = list(read_rows(tmp_path / FILE_NAME))[-1]
    assert float(last["jump_palms"]) == pytest.approx(2, abs=0.1)
    assert float(last["bone_change"]) == pytest.approx(0.5, abs=0.01)
