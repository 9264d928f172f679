"""`blur2blur session record`: hands of a camera or a clip into a session's folder."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import DEFAULT_PROFILE, Profile, load_profile
from stream.capture import Source, SourceOptions, look_at, open_source
from stream.capture.source import Size, SourceState
from stream.console import attend
from stream.deblurring import DeblurMode, Deblurring
from stream.errors import StreamError
from stream.hands.landmarks import Side
from stream.hands.model import find_model
from stream.hands.session import (
    STATEMENT,
    VIDEO,
    Session,
    Sidecar,
    Task,
    check_participant,
    new_folder,
    read_session,
    utc_now,
    utc_text,
    with_digests,
    write_sidecar,
)
from stream.hands.session_files import write_parquet
from stream.hands.session_recorder import SessionRecorder
from stream.hands.session_removal import remove_without_recording
from stream.hands.session_video import SessionVideo
from stream.hands.tracking import HandSettings
from stream.output import Output
from stream.output.display import display_problem
from stream.output.null import Null
from stream.pipeline import Pipeline
from stream.provenance import creation_time_of, digest_of, is_filmed_now, kind_of, software
from stream.session_controls import SessionControls
from stream.session_sidecar import completed, so_far


@dataclass(frozen=True, kw_only=True)
class SessionJob:
    """What ``session record`` was asked for.

    Attributes:
        consent: who recorded the participant's consent, and how.
        seconds: how long to record, not counting countdown and pauses; None until it is ended.
        countdown_s: before a camera is recorded; a clip has none.
        save_video: keep the raw video of what is recorded, too.
        recorded: when a clip was filmed, where somebody said so.
    """

    source: str
    task: Task
    participant: str
    hand: Side
    to: Path
    consent: str
    seconds: float | None = None
    countdown_s: float = 3.0
    save_video: bool = False
    recorded: datetime | None = None
    size: Size | None = None
    fps: float | None = None
    realtime: bool = False
    profile: str = DEFAULT_PROFILE
    deblur: DeblurMode = "auto"
    hand_model: Path | None = None
    hand_region: bool = True


def record_session(job: SessionJob, console: Console) -> Session:
    """Record until the source, the time or the user ends it.

    Raises:
        StreamError, EngineError, ProfileError: it cannot begin, nothing was recorded (then no
            folder is left), or source, engine, tracker or disk failed (what was recorded stays).
    """

    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        console.print(escape(line), highlight=False)

    check_participant(job.participant)
    options = SourceOptions(size=job.size, fps=job.fps, realtime=job.realtime, as_captured=True)
    source = open_source(job.source, options)
    look_at([source])
    filmed_now = is_filmed_now(source, job.source, options)
    if job.recorded is not None and kind_of(source) != "clip":
        raise StreamError("--recorded is for clips: what a camera sees is recorded now")
    model = find_model(job.hand_model)
    profile = load_profile(job.profile)
    sidecar = _before_it_begins(job, source, model, profile)

    def note() -> None:
        write_sidecar(folder, so_far(sidecar, pipeline, recorder))

    folder = new_folder(job.to, sidecar)
    with _removed_if_it_fails(folder) as opened:
        recorder = SessionRecorder(
            folder,
            job.task,
            seconds=job.seconds,
            countdown_s=job.countdown_s if filmed_now else 0.0,
            note=note,
            dropped=lambda: pipeline.ledger.dropped,
        )
        opened.callback(recorder.close)
        write_sidecar(folder, sidecar)
        pipeline = _pipeline(job, source, folder, recorder, model, profile, say)
        console.print(STATEMENT, style="dim", markup=False, highlight=False)
    try:
        attend(pipeline, console, enough=lambda: recorder.over or _hands_failed(pipeline))
    finally:
        sidecar = _ended(folder, sidecar, pipeline, recorder)
    for problem in pipeline.problems:
        if problem not in said:
            say(problem)
    if recorder.outage_s:
        say(f"no frame came for {recorder.outage_s:.1f} s in all, which were not recorded")
    if not recorder.frames:
        video = f"; {folder} holds the video only" if folder.exists() else ""
        raise StreamError(f"nothing was recorded; see above, or end it later{video}")
    if (cut := _cut_off(pipeline, recorder)) is not None:
        raise StreamError(
            f"{folder}: the {cut} was cut off, see above; what was recorded until then stays"
        )
    session = read_session(folder)
    write_parquet(session)
    sidecar = with_digests(folder, replace(sidecar, state="complete"))
    write_sidecar(folder, sidecar)
    return replace(session, sidecar=sidecar)


@contextmanager
def _removed_if_it_fails(folder: Path) -> Iterator[ExitStack]:
    """A session's folder, into which nothing is recorded yet, and what to close before it goes."""
    with ExitStack() as opened:
        try:
            yield opened
        except BaseException:
            with suppress(StreamError):  # a full disk fails again; the file is closed anyway
                opened.close()
            remove_without_recording(folder)
            raise
        opened.pop_all()


def _pipeline(
    job: SessionJob,
    source: Source,
    folder: Path,
    recorder: SessionRecorder,
    model: Path,
    profile: Profile,
    say: Callable[[str], None],
) -> Pipeline:
    outputs: list[Output] = [Null()]
    if source.live and display_problem() is None:
        from stream.output.window import Window

        outputs = [Window(mirrored=True)]
    if job.save_video:
        outputs.append(SessionVideo(folder / VIDEO, recorder))

    def engines() -> EnginePool:
        return EnginePool(profile, cache=engine_cache(), say=say)

    pipeline = Pipeline(
        [source],
        outputs,
        Deblurring(engines, job.deblur),
        hands=HandSettings(
            model=model,
            on="raw" if job.deblur == "off" else "both",
            max_hands=1,
            side=job.hand,
            hold_s=0.0,  # measures want landmarks that are certain; what is missing stays missing
            region=job.hand_region,
            gives_way=False,
            frame_blur=True,
        ),
        found=recorder.take,
        say=say,
    )
    for output in outputs:
        if output.main_thread:
            title = f"{job.participant}, {job.task}, {job.hand} hand"
            output.controls = SessionControls(pipeline, recorder, title)  # type: ignore[attr-defined]
    return pipeline


def _cut_off(pipeline: Pipeline, recorder: SessionRecorder) -> str | None:
    """What ended for another reason than that source, time or user ended it, if anything did."""
    if not recorder.over and _failed(pipeline):
        return "session"
    videos = [worker for worker in pipeline.outputs if isinstance(worker.output, SessionVideo)]
    return "video" if any(video.failure for video in videos) else None


def _failed(pipeline: Pipeline) -> bool:
    """Whether something failed without which no landmarks come."""
    lost = any(status.state is SourceState.FAILED for status in pipeline.statuses)
    unseen = all(output.failure for output in pipeline.outputs)
    return lost or unseen or pipeline.engine_failure is not None or _hands_failed(pipeline)


def _hands_failed(pipeline: Pipeline) -> bool:
    return pipeline.hands is not None and pipeline.hands.failure is not None


def _before_it_begins(job: SessionJob, source: Source, model: Path, profile: Profile) -> Sidecar:
    """What is known of a session then; reads a clip once, which may take long."""
    sidecar = Sidecar(
        id=secrets.token_hex(4),
        participant=job.participant,
        task=job.task,
        hand=job.hand,
        consent=job.consent,
        begun=utc_now(),
        source=kind_of(source),
        source_sha256=digest_of(source),
        engine={"deblur": job.deblur},
        software=software(model, profile),
    )
    if job.recorded is not None:
        return replace(sidecar, recorded=utc_text(job.recorded), recorded_by="user")
    if (made := creation_time_of(source)) is not None:
        return replace(sidecar, recorded=utc_text(made), recorded_by="file")
    return sidecar


def _ended(
    folder: Path,
    sidecar: Sidecar,
    pipeline: Pipeline,
    recorder: SessionRecorder,
) -> Sidecar:
    """Close the table and complete the sidecar; where no frame was recorded neither is left."""
    try:
        recorder.close()
    finally:
        sidecar = completed(sidecar, pipeline, recorder)
        if recorder.frames or not remove_without_recording(folder):
            write_sidecar(folder, sidecar)
    return sidecar
