"""Clips of a camera into a recording: what it wants is shared among them."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from calibration.acuity import Judgement, Verdict
from calibration.clip_identity import clip_identity, name_clip
from calibration.frame_sorter import FrameSorter
from calibration.recording import CalibrationRecording, Picture
from stream.capture import SourceOptions, open_source
from stream.capture.source import Size

_NOTHING_OF_USE = "no frame is clearly sharp or clearly blurred, or they are kept already"
_ENOUGH = "there were frames enough; ask for more with --sharp and --blurry"


def clip_names(uris: Sequence[str]) -> list[str]:
    """How new clips are called: by their files; where several are called alike, by folders, too."""
    paths = [Path(uri) for uri in uris]
    stems = [path.stem for path in paths]
    if len(set(paths)) == len(set(stems)):
        return stems
    longer = ["-".join([*path.absolute().parts[-2:-1], path.stem]) for path in paths]
    return longer if len(set(paths)) == len(set(longer)) else [str(path) for path in paths]


def record_clips(
    uris: Sequence[str],
    size: Size | None,
    recording: CalibrationRecording,
    *,
    update: Callable[[str], None],
    say: Callable[[str], None],
    stopped: Callable[[], bool],
) -> None:
    """Sort clips into a recording until it is complete, or nothing is left of them.

    Each gives its share of what is wanted, so that one can be held out. What it lacks, those after
    it are asked for; what is missing at the end, those that had more. A clip that was recorded
    before adds nothing: its frames are too near to those kept.

    Args:
        uris: of the clips.
        size: that their frames are given, if another than their own.
        update: takes the name of the clip that is gone through.
        say: takes a line about each clip of which nothing was kept.
        stopped: whether to end before.

    Raises:
        CalibrationError: the disk is nearly full.
        SourceError: a clip cannot be read.
    """
    clips = {
        name_clip(recording.clips, wanted, clip_identity(uri)): uri
        for uri, wanted in zip(uris, clip_names(uris), strict=True)
    }
    sorting = _Sorting(recording, size, update, stopped)
    before = {frame.file for frame in recording.frames}
    looked_at, with_more = [], []
    for clips_left, clip in zip(range(len(clips), 0, -1), clips, strict=True):
        if sorting.over:
            break
        looked_at.append(clip)
        if sorting.take(clip, clips[clip], clips_left):
            with_more.append(clip)
    for clip in with_more:
        if not sorting.over:
            sorting.take(clip, clips[clip])
    gave = {frame.clip for frame in recording.frames if frame.file not in before}
    for clip in [] if stopped() else [clip for clip in clips if clip not in gave]:
        why = _NOTHING_OF_USE if clip in looked_at else _ENOUGH
        say(f"nothing was kept of {clip}: {why}")


@dataclass(frozen=True)
class _Sorting:
    """Clips being sorted into a recording."""

    recording: CalibrationRecording
    size: Size | None
    update: Callable[[str], None]
    stopped: Callable[[], bool]

    @property
    def over(self) -> bool:
        return self.stopped() or self.recording.complete

    def take(self, clip: str, uri: str, clips_left: int = 1) -> bool:
        """Keep one clip's share of what is wanted; whether it gave that, and may have more."""
        recording = self.recording
        goal = {
            kind: recording.count(kind) + ceil(recording.wanted(kind) / clips_left)
            for kind in (Verdict.SHARP, Verdict.BLURRY)
        }

        def offer(at_s: float, pixels: Picture, judgement: Judgement) -> None:
            kind = judgement.verdict
            if kind in goal and recording.count(kind) < goal[kind]:
                recording.offer(clip, at_s, pixels, judgement)

        def full() -> bool:
            return all(recording.count(kind) >= goal[kind] for kind in goal)

        sorter = FrameSorter(recording.rule)
        options = SourceOptions(size=self.size, as_captured=True)
        with closing(open_source(uri, options).open()) as capture:
            for picture in capture.pictures():
                if self.stopped() or full():
                    return full()
                for judged in sorter.add(picture.pts_s, picture.pixels):
                    offer(*judged)
                self.update(clip)
        for judged in sorter.rest():
            offer(*judged)
        self.update(clip)
        return full()
