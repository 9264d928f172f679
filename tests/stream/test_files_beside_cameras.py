"""A file whose recording is slow, beside a live source in the same run."""

from threading import Event, Thread

import pytest

from engines.pool import EnginePool
from stream.capture import open_source
from stream.deblurring import Deblurring
from stream.frame import ProcessedFrame
from stream.hands.tracking import HandSettings
from stream.pipeline import Pipeline
from tests.conftest import MakeClip
from tests.stream.whole_runs import Keeper


class Watched(Keeper):
    """Like a window: the newest frame counts."""

    every_frame = False


@pytest.mark.parametrize("tracked", [False, True])
def test_slow_recording_of_a_file_does_not_slow_a_camera_beside_it(
    make_clip: MakeClip, tracked: bool, request: pytest.FixtureRequest
) -> None:
    hands = None
    if tracked:
        hands = HandSettings(model=request.getfixturevalue("hand_model"))
    window, recording = Watched(), Keeper(delay_s=0.3)
    sources = [
        open_source("synthetic:160x96@30?seconds=2"),
        open_source(str(make_clip(pts_ms=range(0, 200, 40)))),
    ]
    deblurring = Deblurring(EnginePool, "off")  # type: ignore[arg-type]
    pipeline = Pipeline(sources, [window, recording], deblurring, hands=hands)
    pipeline.run()
    live = [f for f in window.frames if f.captured.source == "synthetic"]
    kept = [f.captured.sequence for f in recording.frames if f.captured.source == "clip"]
    assert len(live) > 30, "of 60; a machine that has more to do leaves some out"
    assert kept == list(range(5))
    assert pipeline.ledger.in_flight == 0
    assert pipeline.ledger.captured == sum(status.frames for status in pipeline.statuses)
    assert not pipeline.problems


class Hanging(Keeper):
    def __init__(self) -> None:
        super().__init__()
        self.release = Event()

    def write(self, frame: ProcessedFrame) -> None:
        self.release.wait(60)
        super().write(frame)


def test_frames_that_waited_for_an_output_are_written_when_it_goes_on_after_the_stop(
    make_clip: MakeClip,
) -> None:
    hanging = Hanging()
    deblurring = Deblurring(EnginePool, "off")  # type: ignore[arg-type]
    pipeline = Pipeline([open_source(str(make_clip()))], [hanging], deblurring)
    pipeline.start()
    while pipeline.ledger.captured < 3:
        pipeline.step_main_thread(0.02)
    pipeline.stop()
    Thread(target=hanging.release.set).start()
    pipeline.close()
    ledger = pipeline.ledger
    assert hanging.sequences == list(range(len(hanging.frames)))
    assert (ledger.output, ledger.in_flight) == (len(hanging.frames), 0)
    assert set(ledger.dropped) <= {"stopped"}
