"""Hand tracking beside the picture: a thread of its own, between the engine and the outputs.

On live sources the picture goes on at once, with the newest landmarks that there are; the tracker
takes the newest picture when it is ready, and of the processor what the engine leaves. On files
every frame waits for its own landmarks.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream.blur import blur_measure
from stream.errors import StreamError
from stream.frame import Frame, ProcessedFrame
from stream.hands.identity import Identities
from stream.hands.landmarks import Hand, Side, TrackedFrame
from stream.hands.surroundings import Surroundings
from stream.hands.tracker_process import TrackerProcess, TrackerSettings
from stream.mailbox import Mailbox, take_ready
from stream.metrics import Histogram
from stream.region import Region

HandsOn = Literal["deblurred", "raw", "both"]

_START_S = 60.0


@dataclass(frozen=True, kw_only=True)
class HandSettings:
    """How hands are tracked.

    Attributes:
        model: the hand model's file.
        on: which picture they are looked for in. With ``deblurred``, one that surely shows no hand
            is followed by a look at the picture as captured: deblurring must not lose any. With
            ``both``, the two are kept apart.
        max_hands: at most so many.
        side: of the only hand that is filmed, where it is known.
        hold_s: for so long after it was last surely found a hand may be held through blur, see
            :mod:`stream.hands.holding`; its landmarks are less certain.
        region: deblur the surroundings of the hands only; all of the frame while none is seen, for
            a second after one of several was lost, and of every 23rd one while fewer than
            ``max_hands`` are seen.
        gives_way: live, the picture comes first: the tracker stands still while the engine works,
            unless a picture has waited for 0.3 s.
        frame_blur: tell the blur of whole frames, also where that of a region decided: a measure of
            one part cannot be compared with one of another. Costs a millisecond at 640x480.
    """

    model: Path
    on: HandsOn = "deblurred"
    max_hands: int = 2
    side: Side | None = None
    hold_s: float = 0.5
    region: bool = False
    gives_way: bool = True
    frame_blur: bool = False


class HandTracking:
    """Looks for hands in the frames of some sources.

    Args:
        lossless: by source name, whether every frame waits for its landmarks (a file).
        hand_over: takes each frame, with the landmarks that it is to be shown with.
        has_room: whether it takes one of this source without waiting; call :meth:`look_again` when
            that becomes true.
        room_made: called after frames were taken, and when no more will be.
        found: takes what was found in each frame that was looked at, from the tracker's thread.
        say: takes a line where the tracker fails; the pictures then go on without hands.
    """

    def __init__(
        self,
        settings: HandSettings,
        *,
        lossless: Mapping[str, bool],
        hand_over: Callable[[ProcessedFrame], None],
        has_room: Callable[[str], bool] = lambda source: True,
        room_made: Callable[[], None] = lambda: None,
        found: Callable[[TrackedFrame], None] = lambda tracked: None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.settings = settings
        self.failure: str | None = None
        self.milliseconds = Histogram()
        self.behind_ms = Histogram()
        self.frames = 0
        self.frames_with_hands = 0
        self._lossless = lossless
        self._hand_over = hand_over
        self._room_made = room_made
        self._found = found
        self._say = say
        self._changed = threading.Condition()
        self._boxes: dict[str, Mailbox[ProcessedFrame]] = {
            name: Mailbox(self._changed, partial(has_room, name)) for name in lossless
        }
        self._latest: dict[str, TrackedFrame] = {}
        self._searches: dict[str, _Search] = {}
        self._surroundings = {name: Surroundings(settings.max_hands) for name in lossless}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hands", daemon=True)

    def start(self) -> None:
        """Load the model and begin.

        Raises:
            StreamError: it does not load.
        """
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise StreamError(f"the hand tracker did not start in {_START_S:.0f} s")
        if self.failure is not None:
            raise StreamError(self.failure)

    def latest(self, source: str) -> TrackedFrame | None:
        """The newest landmarks of a source."""
        return self._latest.get(source)

    def region_of(self, frame: Frame) -> Region | None:
        """The part of a frame that hands are expected in, None for all of it."""
        return self._surroundings[frame.source].at(frame.pts_s, frame.height, frame.width)

    def has_room(self, source: str) -> bool:
        """Whether :meth:`post` takes a frame of this source without waiting."""
        return not self._lossless[source] or self._boxes[source].has_room

    def look_again(self) -> None:
        """There may be room for frames that waited for some."""
        with self._changed:
            self._changed.notify_all()

    def post(self, frame: ProcessedFrame) -> None:
        """Take a frame from the engine; hands it over at once or, of a file, when it is tracked."""
        source = frame.captured.source
        box = self._boxes[source]
        if self._lossless[source]:
            if not box.put(frame):
                self._hand_over(frame)
            return
        box.offer(frame)
        self._hand_over(replace(frame, hands=self._latest.get(source)))

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """While inside, the trackers of live sources stand still."""
        trackers = list(self._trackers())
        for tracker in trackers:
            tracker.stand_still()
        try:
            yield
        finally:
            for tracker in trackers:
                tracker.go_on()

    def finish(self) -> None:
        """No more frames will come; waits until those of files are handed over."""
        for box in self._boxes.values():
            box.close()
        self._room_made()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._searches = {
                name: _Search(self.settings, live=not lossless)
                for name, lossless in self._lossless.items()
            }
        except StreamError as error:
            self.failure = str(error)
            return
        except Exception as error:  # the top of a thread: start() raises what is noted here
            self.failure = f"the hand tracker failed: {type(error).__name__}: {error}"
            return
        finally:
            self._ready.set()
        while self._serve():
            pass
        for tracker in self._trackers():
            tracker.close()

    def _serve(self) -> bool:
        frames = take_ready(list(self._boxes.values()), self._changed)
        self._room_made()
        for frame in frames:
            source = frame.captured.source
            tracked = self._look(self._searches[source], frame) if self.failure is None else None
            if self._lossless[source]:
                self._hand_over(replace(frame, hands=tracked))
        return bool(frames)

    def _trackers(self) -> Iterator[TrackerProcess]:
        for search in self._searches.values():
            yield from search.trackers()

    def _look(self, search: "_Search", frame: ProcessedFrame) -> TrackedFrame | None:
        try:
            tracked = search.look(frame)
            self._found(tracked)
        except StreamError as error:
            self._go_on_without(str(error))
            return None
        except Exception as error:  # pictures go on without hands
            self._go_on_without(f"the hand tracker failed: {type(error).__name__}: {error}")
            return None
        self._latest[tracked.source] = tracked
        self._surroundings[tracked.source].found(tracked)
        self.frames += 1
        self.frames_with_hands += bool(tracked.hands)
        self.milliseconds.add(tracked.tracker_ms)
        self.behind_ms.add((tracked.finished_ns - tracked.captured_ns) / 1e6)
        return tracked

    def _go_on_without(self, failure: str) -> None:
        self.failure = failure
        self._latest.clear()
        self._say(f"{failure}; going on without hands")


class _Search:
    """The trackers of one source: each follows its own kind of picture."""

    def __init__(self, settings: HandSettings, *, live: bool) -> None:
        self._frame_blur = settings.frame_blur
        self._deblurred = None if settings.on == "raw" else _Follower(settings, live=live)
        self._raw = None if settings.on == "deblurred" else _Follower(settings, live=live)

    def look(self, frame: ProcessedFrame) -> TrackedFrame:
        captured = frame.captured
        started_ns = time.perf_counter_ns()
        deblurred = raw = None
        if self._deblurred is not None:
            deblurred = self._deblurred.look(frame.pixels, captured.pts_s)
            if self._raw is None and not frame.bypassed and not _any_sure(deblurred):
                again = self._deblurred.look(captured.pixels, captured.pts_s)
                deblurred = again if _any_sure(again) or not deblurred else deblurred
        if self._raw is not None:
            raw = self._raw.look(captured.pixels, captured.pts_s)
        finished_ns = time.perf_counter_ns()
        blur = frame.blur
        if self._frame_blur and blur is not None and frame.region is not None:
            blur = blur_measure(captured.pixels)
        return TrackedFrame(
            source=captured.source,
            sequence=captured.sequence,
            pts_s=captured.pts_s,
            captured_ns=captured.captured_ns,
            blur=blur,
            bypassed=frame.bypassed,
            deblurred=deblurred,
            raw=raw,
            finished_ns=finished_ns,
            tracker_ms=(finished_ns - started_ns) / 1e6,
        )

    def trackers(self) -> Iterator[TrackerProcess]:
        for follower in (self._deblurred, self._raw):
            if follower is not None:
                yield follower.tracker


def _any_sure(hands: tuple[Hand, ...]) -> bool:
    return not all(hand.held for hand in hands)


class _Follower:
    def __init__(self, settings: HandSettings, *, live: bool) -> None:
        self.tracker = TrackerProcess(
            TrackerSettings(
                model=settings.model,
                max_hands=settings.max_hands,
                hold_s=settings.hold_s,
                gives_way=live and settings.gives_way,
            )
        )
        self._identities = Identities(settings.side)

    def look(self, pixels: NDArray[np.uint8], time_s: float) -> tuple[Hand, ...]:
        return self._identities.assign(self.tracker.track(pixels, time_s), time_s)
