"""`session …`"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.prompt import Confirm

from engines.shell import shell_word
from stream.commands.common import (
    CameraRate,
    CameraSize,
    Deblur,
    HandModelFile,
    Model,
    chosen_profile,
    console,
    output_console,
    parse_size,
)
from stream.commands.consent import ask_consent

if TYPE_CHECKING:
    from stream.hands.session import Session

app = typer.Typer(
    help="Record hand movements, measure them, and report. Nothing leaves this machine.",
    no_args_is_help=True,
)


class Task(StrEnum):
    finger_tapping = "finger-tapping"
    open_close = "open-close"
    reach = "reach"
    rest = "rest"
    free = "free"


class Hand(StrEnum):
    left = "left"
    right = "right"


_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a session.")]


@app.callback()
def _group() -> None:
    """Record hand movements, measure them, and report. Nothing leaves this machine."""


@app.command("record")
def session_record(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="The camera or clip, as for `live`; of publishers those that publish "
            "with `--deblur off`."
        ),
    ],
    task: Annotated[Task, typer.Option(help="What the participant does.")],
    participant: Annotated[
        str, typer.Option(metavar="CODE", help="A code such as P07, never a name.")
    ],
    hand: Annotated[Hand, typer.Option(help="The participant's hand that is filmed.")],
    to: Annotated[Path, typer.Option(help="Folder that sessions are kept in.")],
    consent_recorded: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Who recorded the participant's consent, and when: instead of the question.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="How long, without pauses and outages of the camera; until `q` or Ctrl-C if not "
            "given.",
            show_default=False,
        ),
    ] = None,
    countdown: Annotated[
        float, typer.Option(min=0.0, help="Seconds before a camera is recorded; clips have none.")
    ] = 3.0,
    save_video: Annotated[
        bool,
        typer.Option("--save-video", help="Keep the raw video of what is recorded, too; no sound."),
    ] = False,
    recorded: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When a clip was filmed, such as 2026-10-03T10:00, in local time unless it says "
            "an offset; what the file says of it if not given.",
            show_default=False,
        ),
    ] = None,
    size: CameraSize = None,
    fps: CameraRate = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Play a clip at its own rate, like a camera.")
    ] = False,
    model: Annotated[
        Model,
        typer.Option(
            help="Shipped network, as for `live`. `quality` sees a little more through fast "
            "movements, at a third to half of the frames a second: for clips."
        ),
    ] = Model.balanced,
    profile: Annotated[
        str | None, typer.Option(help="Camera profile instead.", show_default=False)
    ] = None,
    deblur: Annotated[
        Deblur, typer.Option(help="As for `live`; `off` looks at the raw picture only.")
    ] = Deblur.auto,
    hand_region: Annotated[
        bool,
        typer.Option(
            "--hand-region/--whole-frame",
            help="Deblur the surroundings of the hand only, which leaves time for the tracker.",
        ),
    ] = True,
    hand_model: HandModelFile = None,
) -> None:
    """Record one hand doing one thing: landmarks, raw and deblurred side by side.

    No video is kept unless `--save-video` says so, and never any sound. In the window, space
    pauses (the video, too) and `q` ends.

    - `blur2blur session record 0 --task finger-tapping --participant P07 --hand left
      --seconds 15 --to sessions/`
    """
    from stream.hands.session import check_participant
    from stream.provenance import told_time
    from stream.session import SessionJob, record_session

    check_participant(participant)
    recorded_at = told_time(recorded) if recorded is not None else None
    job = SessionJob(
        source=source,
        profile=chosen_profile(context, model, profile),
        task=task.value,
        participant=participant,
        hand=hand.value,
        to=to,
        consent=(consent_recorded or "").strip() or ask_consent(save_video),
        seconds=seconds,
        countdown_s=countdown,
        save_video=save_video,
        recorded=recorded_at,
        size=parse_size(size),
        fps=fps,
        realtime=realtime,
        deblur=deblur.value,
        hand_model=hand_model,
        hand_region=hand_region,
    )
    session = record_session(job, console())
    counts = session.sidecar.frames
    other = counts["seen_as_other_hand"]
    as_other = f", in {other} of them taken for the other hand" if other else ""
    missed = counts["not_looked_at"]
    not_looked_at = f", {missed} more that the tracker did not look at" if missed else ""
    _tell(
        f"{session.folder}: {counts['tracked']} frames, the hand seen in {counts['with_hand']}"
        f"{as_other}{not_looked_at}; "
        f"next: blur2blur session report {shell_word(session.folder)}"
    )


@app.command("measure")
def session_measure(
    folder: _Folder,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="`measures.json` in the folder if not given.", show_default=False
        ),
    ] = None,
) -> None:
    """Measure a session: what its task allows, with what makes each figure valid or not.

    Shows the figures, and writes them down as JSON.
    """
    from stream.hands.measures import measure_session, measures_table, write_measures

    session = _read(folder)
    measured = measure_session(session)
    output_console().print(measures_table(measured))
    _tell(str(write_measures(session, measured, to)))


@app.command("report")
def session_report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="A session; several of one participant, or a folder of them, are compared.",
        ),
    ],
    participant: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Of whom, where sessions are of several.", show_default=False
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="If not given, `report.html` in a session's folder, or `report_CODE.html` in the "
            "one that holds the sessions.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """One HTML file that needs nothing else, and prints well."""
    from stream.hands.report import write_report
    from stream.hands.session_choice import choose_sessions, report_path

    found = choose_sessions(folders, participant, _tell)
    sessions = [_read(folder) for folder in found]
    path = to or report_path(folders, found, sessions[0].sidecar.participant)
    recorded = [session for session in sessions if not session.empty]
    for session in sessions:
        if session.empty and recorded:
            _tell(f"{session.folder} is left out: no frame was recorded")
    write_report(recorded or sessions, path)
    _tell(str(path))


@app.command("export")
def session_export(
    folder: _Folder,
    c3d: Annotated[bool, typer.Option("--c3d", help="For motion-capture programs.")] = False,
    bids: Annotated[
        Path | None,
        typer.Option(help="Folder of a Motion-BIDS data set to add it to.", show_default=False),
    ] = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Again; of a session that was cut off.")
    ] = False,
) -> None:
    """Write a session in the formats of other programs; its CSV is there in any case."""
    from stream.hands.session_files import write_bids, write_c3d, write_parquet

    if not (c3d or bids or parquet):
        raise typer.BadParameter("say --c3d, --bids FOLDER or --parquet")
    session = _read(folder)
    written = []
    if parquet:
        written.append(write_parquet(session))
    if c3d:
        written.append(write_c3d(session))
    if bids:
        written += write_bids(session, bids)
    for path in written:
        _tell(str(path))


@app.command("delete")
def session_delete(
    folder: _Folder,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a session for good, after showing everything that goes."""
    from stream.hands.session_removal import contents, delete_session

    for path in contents(folder):
        _tell(f"{path}  {path.lstat().st_size / 1e3:.1f} kB")
    question = f"remove {escape(str(folder.absolute()))} and all of this?"
    if not yes and not Confirm.ask(question, console=console()):
        raise typer.Exit(1)
    whole_name = folder.absolute()
    delete_session(folder)
    _tell(f"{whole_name} is removed; copies that were made of it are not")


def _read(folder: Path) -> "Session":
    """A session, after a line about what is wrong with its files."""
    from stream.hands.session import read_session

    session = read_session(folder)
    if session.warning:
        _tell(f"{folder}: {session.warning}")
    return session


def _tell(line: str) -> None:
    console().print(line, markup=False, highlight=False)
