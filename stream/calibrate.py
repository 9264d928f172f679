"""`blur2blur calibrate record`: frames from a camera or from clips into a recording."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from calibration.acuity import Verdict
from calibration.errors import CalibrationError
from calibration.folder_lock import lock_folder
from calibration.frame_sorter import FrameSorter
from calibration.known_domains import least_frame_px
from calibration.recording import MANIFEST, CalibrationRecording, RecordingRule
from engines.profile import DEFAULT_PROFILE, load_profile
from engines.signals import signals_received
from stream.capture import SourceOptions, open_source
from stream.capture.source import Size
from stream.clips import record_clips
from stream.errors import SourceError
from stream.output.preview import Preview

_STILL_S, _MOVE_S = 4.0, 6.0
_MUCH_BYTES = 2 * 10**9
"""Of pictures, which are held decoded: a crop of a 1080p frame would take 43 ms to decode anew."""
_WINDOW = "blur2blur - calibrate (q: stop)"


@dataclass(frozen=True, kw_only=True)
class RecordJob:
    """What ``calibrate record`` was asked for.

    Attributes:
        source: a camera or stream; None where clips are given.
        clips: recordings of that camera instead.
        fps: asked of a camera.
        seconds: the longest that a camera is recorded.
    """

    to: Path
    source: str | None = None
    clips: tuple[str, ...] = ()
    size: Size | None = None
    fps: float | None = None
    seconds: float = 180.0
    rule: RecordingRule = RecordingRule()


def run_record(job: RecordJob, console: Console) -> int:
    """Record until there are frames enough; returns the exit status.

    Raises:
        CalibrationError: the folder or the disk cannot be used, or another process records there.
        SourceError: a source cannot be opened or read.
    """
    for uri in job.clips:
        open_source(uri, SourceOptions()).open().close()  # all are there before the first is sorted
    recording = CalibrationRecording(job.to, job.rule)
    if not lock_folder(job.to):
        raise CalibrationError(
            f"another process records into {job.to}; wait for its end or stop it, or name another "
            "--to"
        )
    if recording.frames:
        console.print(f"going on with {len(recording.frames)} frames in {escape(str(job.to))}")
    with signals_received() as signals, _Counts(recording, console) as counts:
        try:
            if job.source is not None:
                _record_camera(job, recording, counts, lambda: bool(signals))
            else:
                record_clips(
                    job.clips,
                    job.size,
                    recording,
                    update=counts.update,
                    say=counts.say,
                    stopped=lambda: bool(signals),
                )
        finally:
            recording.finish()
    return _tell(recording, bool(job.clips), console)


class _Counts:
    """Two bars: how many frames of each kind there are."""

    def __init__(self, recording: CalibrationRecording, console: Console) -> None:
        self._recording = recording
        columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, TextColumn("{task.fields[note]}"), console=console)
        self._tasks: dict[Verdict, TaskID] = {}
        self._knows_size = False

    def __enter__(self) -> "_Counts":
        rule = self._recording.rule
        for kind, total in ((Verdict.SHARP, rule.sharp), (Verdict.BLURRY, rule.blurry)):
            self._tasks[kind] = self._progress.add_task(kind.value, total=total, note="")
        self._progress.start()
        self.update("")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)

    def update(self, note: str) -> None:
        for kind, task in self._tasks.items():
            shown = note if kind is Verdict.SHARP else ""
            self._progress.update(task, completed=self._recording.count(kind), note=shown)
        if self._recording.frames and not self._knows_size:
            self._knows_size = True
            if (problem := size_problem(self._recording)) is not None:
                self.say(problem)


def size_problem(recording: CalibrationRecording) -> str | None:
    """Why frames of this size are too small to learn from with the default model, or much to hold.

    Args:
        recording: with a frame at least.
    """
    height, width = recording.read(recording.frames[0]).shape[:2]
    need_px = least_frame_px(load_profile(DEFAULT_PROFILE).card)
    if min(height, width) < need_px:
        return (
            f"frames of {width}x{height} are too small for `blur2blur calibrate train`, which "
            f"takes {need_px} px on the shorter side for the deblurrer {DEFAULT_PROFILE}; "
            "--size asks a camera for larger ones"
        )
    frames = recording.rule.sharp + recording.rule.blurry
    held = 3 * height * width * frames
    if held > _MUCH_BYTES:
        return (
            f"{frames} frames of {width}x{height} take {held / 1e9:.1f} GB of memory in `blur2blur "
            "calibrate train`, in each of its processes; --size makes them smaller, --sharp and "
            "--blurry fewer"
        )
    return None


def _record_camera(
    job: RecordJob, recording: CalibrationRecording, counts: _Counts, stopped: Callable[[], bool]
) -> None:
    assert job.source is not None
    source = open_source(job.source, SourceOptions(size=job.size, fps=job.fps, as_captured=True))
    session = f"{source.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    sorter = FrameSorter(job.rule)
    preview = Preview(_WINDOW, counts.say)
    begin = time.monotonic()
    with closing(source.open()) as capture:
        try:
            for picture in capture.pictures():
                passed = time.monotonic() - begin
                if stopped() or recording.complete or passed > job.seconds:
                    break
                note = instruction(passed)
                for at_s, pixels, judgement in sorter.add(picture.pts_s, picture.pixels):
                    recording.offer(session, at_s, pixels, judgement)
                counts.update(note)
                if not preview.show(picture.pixels, _lines(note, recording)):
                    break
        finally:
            preview.close()
    for at_s, pixels, judgement in sorter.rest():
        recording.offer(session, at_s, pixels, judgement)
    counts.update("")


def instruction(passed_s: float) -> str:
    """What to do so many seconds after the start: stillness and movement take turns.

    Sharp frames are needed within seconds of blurry ones, to compare them with.
    """
    within = passed_s % (_STILL_S + _MOVE_S)
    if within < _STILL_S:
        return f"HOLD STILL, {_STILL_S - within:.0f} s"
    return f"MOVE as you usually do, {_STILL_S + _MOVE_S - within:.0f} s"


def _lines(note: str, recording: CalibrationRecording) -> Sequence[str]:
    rule = recording.rule
    return (
        note,
        f"sharp {recording.count(Verdict.SHARP)} of {rule.sharp}, "
        f"blurry {recording.count(Verdict.BLURRY)} of {rule.blurry}",
    )


def _tell(recording: CalibrationRecording, of_clips: bool, console: Console) -> int:
    sharp, blurry = recording.count(Verdict.SHARP), recording.count(Verdict.BLURRY)
    if not recording.frames:
        raise SourceError(
            "no frame was of use: hold the camera or the hand still for some seconds, then move "
            "quickly, in light that leaves something to see"
        )
    console.print(
        f"{recording.folder}: {sharp} sharp and {blurry} blurry frames; look at "
        f"{recording.folder / 'sheet.jpg'}",
        markup=False,
        highlight=False,
    )
    if not recording.complete:
        rule = recording.rule
        how = (
            "add other clips of this camera"
            if of_clips
            else "run the same command again to add some"
        )
        console.print(
            f"{rule.sharp} sharp and {rule.blurry} blurry frames are better: {how}; {MANIFEST} "
            "keeps count",
            markup=False,
            highlight=False,
        )
    return 0
