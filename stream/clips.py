"""Clips of a camera into a recording: what it wants is shared among them."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from calibration.acuity import STILL_S, Judgement, Verdict
from calibration.clip_identity import clip_identity, name_clip
from calibration.frame_sorter import FrameSorter
from calibration.recording import CalibrationRecording, Picture
from stream.capture import SourceOptions, open_source
from stream.capture.source import Size

_NOTHING_OF_USE = "no frame is clearly sharp or clearly blurred, or they are kept already"
_TOO_SHORT = (
    "a frame is compared with those of the seconds around it, and there are none, as in a "
    "photograph; film some seconds with this camera, in which it or the hand rests and moves in "
    "turns"
)
_ASK_FOR_MORE = "ask for more with --sharp and --blurry"
_ENOUGH = f"there were frames enough; {_ASK_FOR_MORE}"


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
    uris_by_name = {
        name_clip(recording.clips, wanted, clip_identity(uri)): uri
        for uri, wanted in zip(uris, clip_names(uris), strict=True)
    }
    clips = [_Clip(name, uri) for name, uri in uris_by_name.items()]
    sorting = _Sorting(recording, size, update, stopped)
    before = {frame.file for frame in recording.frames}
    for clips_left, clip in zip(range(len(clips), 0, -1), clips, strict=True):
        if not sorting.over:
            sorting.take(clip, clips_left)
    for clip in clips:
        if not sorting.over and any(recording.wanted(kind) for kind in clip.has_more):
            sorting.take(clip)
    gave = {frame.clip for frame in recording.frames if frame.file not in before}
    for clip in [] if stopped() else [clip for clip in clips if clip.name not in gave]:
        say(f"nothing was kept of {clip.name}: {clip.why_nothing}")


@dataclass
class _Clip:
    """A clip that a recording is made of.

    Attributes:
        looked_at: whether it was gone through, or as far as anything of it was wanted.
        has_more: kinds of frames that it gave more of than were wanted of it.
        length_s: time from its first frame to the last that was looked at.
    """

    name: str
    uri: str
    looked_at: bool = False
    has_more: set[Verdict] = field(default_factory=set)
    length_s: float = 0.0

    @property
    def why_nothing(self) -> str:
        """Why nothing of it was kept, where that is so."""
        if not self.looked_at:
            return _ENOUGH
        if self.has_more:
            kinds = " and ".join(sorted(self.has_more))
            return f"it has {kinds} frames, of which there are enough; {_ASK_FOR_MORE}"
        return _NOTHING_OF_USE if self.length_s >= STILL_S else _TOO_SHORT


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

    def take(self, clip: _Clip, clips_left: int = 1) -> None:
        """Keep one clip's share of what is wanted, and note what it has more of."""
        recording = self.recording
        goal = {
            kind: recording.count(kind) + ceil(recording.wanted(kind) / clips_left)
            for kind in (Verdict.SHARP, Verdict.BLURRY)
        }
        clip.looked_at = True

        def offer(at_s: float, pixels: Picture, judgement: Judgement) -> None:
            kind = judgement.verdict
            if kind not in goal:
                return
            if recording.count(kind) < goal[kind]:
                recording.offer(clip.name, at_s, pixels, judgement)
            else:
                clip.has_more.add(kind)

        sorter = FrameSorter(recording.rule)
        options = SourceOptions(size=self.size, as_captured=True)
        begin_s: float | None = None
        with closing(open_source(clip.uri, options).open()) as capture:
            for picture in capture.pictures():
                if self.stopped():
                    return
                if all(recording.count(kind) >= goal[kind] for kind in goal):
                    clip.has_more.update(goal)
                    return
                begin_s = picture.pts_s if begin_s is None else begin_s
                clip.length_s = picture.pts_s - begin_s
                for judged in sorter.add(picture.pts_s, picture.pixels):
                    offer(*judged)
                self.update(clip.name)
        for judged in sorter.rest():
            offer(*judged)
        self.update(clip.name)
