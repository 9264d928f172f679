"""A recorded session: its folder, its sidecar, and what may be in it.

A folder holds one session: ``session.json`` (how it was recorded), ``landmarks.csv`` (and the same
as Parquet when it is over), a video only where it was asked for, and what is made of them later.
There is never any sound.
"""

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from engines.files import sha256_of, write_text_atomically
from stream.errors import StreamError
from stream.hands.landmarks import Side
from stream.hands.session_table import FILE_NAME, Picture, Trajectory, read_trajectories

Task = Literal["finger-tapping", "open-close", "reach", "rest", "free"]

FORMAT = 1
SIDECAR = "session.json"
VIDEO = "video.mkv"
_RECORDED_STEMS = (Path(FILE_NAME).stem, Path(VIDEO).stem)
STATEMENT = (
    "Research and feedback software. Not a medical device; not for diagnosis or treatment "
    "decisions. A restored frame is an estimate: deblurring can invent detail. Keep the raw "
    "recording as the reference; what was measured on restored frames is marked."
)

BY_STAMP = "presentation time stamps of the source"
BY_ARRIVAL = "arrival of each frame here; the source stamps none"

State = Literal["recording", "complete"]
_Identity = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z]+$")]
_FromTo = Annotated[list[float], msgspec.Meta(min_length=2, max_length=2)]


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """How a session was recorded: everything but the landmarks. No names, no host, no user.

    Attributes:
        id: random; says nothing about anybody.
        participant: a code, see :func:`check_participant`.
        consent: who recorded the participant's consent, and how, in the recorder's words.
        begun: wall clock (UTC) at the first frame of the table; ``time_s`` there counts from it. Of
            a clip it says when it was processed.
        recorded: when a clip was filmed (UTC); empty where that is not known, and of what was
            recorded while it was filmed.
        recorded_by: who says so: the ``user``, or the clip's ``file``.
        clock: what ``time_s`` is taken from: ``BY_STAMP`` or ``BY_ARRIVAL``. (Earlier versions
            wrote the former for MJPEG over HTTP, too, which has no stamps.)
        first_pts_s: that frame's time in the source, and in the video where one is kept: the
            video's time less this is ``time_s``. None where nothing was recorded, or by an earlier
            version.
        state: ``recording`` until it ended in order; a killed session keeps it.
        source: ``camera``, ``network`` or ``clip``, which may be a test pattern. Neither a name nor
            an address, which may say who or where. (Earlier versions wrote the source's name.)
        source_sha256: of a clip's file; empty for other sources.
        fps: of the source as it says, None where it does not.
        pauses_s: from when to when nothing was recorded.
        outages_s: from when to when the source gave no frame for more than two seconds. (Earlier
            versions did not write them.)
        frames: ``captured`` from the first recorded one to the last, pauses left out (by earlier
            versions from the program's start on); how many of them were ``tracked``, and how many
            ``not_looked_at``; dropped ones by cause (by earlier versions in pauses, too). Only of a
            session that ended.
        engine: ``deblur``, the mode; where an engine was there, what it was.
        software: versions; ``hand_model`` and ``weights`` are SHA-256.
    """

    id: _Identity
    participant: str
    task: Task
    hand: Side
    consent: str
    begun: str
    recorded: str = ""
    recorded_by: Literal["", "user", "file"] = ""
    clock: str = BY_STAMP
    first_pts_s: float | None = None
    state: State = "recording"
    source: str = ""
    source_sha256: str = ""
    width: int = 0
    height: int = 0
    fps: float | None = None
    pauses_s: list[_FromTo] = field(default_factory=list)
    outages_s: list[_FromTo] = field(default_factory=list)
    frames: dict[str, int] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)
    statement: str = STATEMENT
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def not_recorded_s(self) -> list[list[float]]:
        """From when to when there is nothing of it: pauses and outages."""
        return sorted([*self.pauses_s, *self.outages_s])

    @property
    def when(self) -> datetime:
        """When it was filmed; of a clip of which that is not known, when it was processed."""
        return datetime.fromisoformat(self.recorded or self.begun)

    @property
    def filming_known(self) -> bool:
        """Whether :attr:`when` is when it was filmed."""
        return self.source != "clip" or bool(self.recorded)

    @property
    def dated(self) -> str:
        """:attr:`when` to the minute."""
        return f"{self.when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session that was read.

    Attributes:
        trajectories: of the pictures that hands were looked for in.
        changed: the table is not the one that was recorded, by its SHA-256 in the sidecar.
    """

    folder: Path
    sidecar: Sidecar
    trajectories: dict[Picture, Trajectory]
    changed: bool = False

    @property
    def warning(self) -> str:
        """What is wrong with its files, without their folder; empty where nothing is."""
        if not self.changed:
            return ""
        return (
            f"{FILE_NAME} is not as it was recorded: its SHA-256 is another than in {SIDECAR}. It "
            "was changed or cut since; take it from a copy"
        )

    @property
    def empty(self) -> bool:
        """No frame was recorded."""
        return not any(len(trajectory) for trajectory in self.trajectories.values())


def check_participant(code: str) -> str:
    """A participant's code: at most three letters in all, and a number of at most six digits.

    That leaves no room for most names, nor for a date of birth with its year. Three letters as a
    name has them (``Tom3``) are refused, too; initials, a name in small letters and a short date
    cannot be told from a code.

    Raises:
        StreamError: it might be a name, a date or an address.
    """
    letters = sum(character.isalpha() for character in code)
    if letters > 3 or not re.fullmatch(
        r"(?![A-Z][a-z]{2})[A-Za-z]{0,3}[-_]?[0-9]{1,6}[A-Za-z]?", code
    ):
        raise StreamError(
            f"{code!r} is not a participant's code: use at most three letters and six digits, such "
            "as P07, and keep the list of who that is elsewhere"
        )
    return code


def new_folder(root: Path, sidecar: Sidecar) -> Path:
    """Make the folder of a new session, which is named by what it is.

    Raises:
        StreamError: it cannot be made.
    """
    folder = root / f"{sidecar.participant}_{sidecar.task}_{sidecar.hand}_{sidecar.id}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StreamError(f"{folder} cannot be made: {error.strerror}") from None
    return folder


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def utc_now() -> str:
    return utc_text(datetime.now(UTC))


def write_sidecar(folder: Path, sidecar: Sidecar) -> None:
    text = json.dumps(asdict(sidecar), indent=2, ensure_ascii=False)
    try:
        write_text_atomically(folder / SIDECAR, text + "\n")
    except OSError as error:
        raise StreamError(f"{folder / SIDECAR} cannot be written: {error.strerror}") from None


def with_digests(folder: Path, sidecar: Sidecar) -> Sidecar:
    """The sidecar with the SHA-256 of each file beside it."""
    files = [file for file in sorted(folder.iterdir()) if file.name != SIDECAR and file.is_file()]
    return replace(sidecar, files={file.name: sha256_of(file) for file in files})


def read_sidecar(folder: Path) -> Sidecar:
    """Read how a session was recorded. What a later version may have added is left out.

    Raises:
        StreamError: the folder holds no session of this version, or its sidecar is damaged.
    """
    content = sidecar_content(folder)
    try:
        sidecar = msgspec.convert(content, Sidecar)
        for told in filter(None, (sidecar.begun, sidecar.recorded)):
            if datetime.fromisoformat(told).tzinfo is None:
                raise ValueError(f"no time zone in {told!r}")
        return sidecar
    except ValueError as error:
        raise StreamError(
            f"{folder / SIDECAR} is not a session's sidecar: {error}; take it from a copy"
        ) from None


def sidecar_content(folder: Path) -> dict[str, Any]:
    """What a sidecar of this version holds, right or wrong.

    Raises:
        StreamError: the folder holds no session of this version.
    """
    path = folder / SIDECAR
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise StreamError(f"{path} has format {content['format']}; this version reads {FORMAT}")
        return content
    except OSError:
        problem = f"{folder} holds no session: there is no {SIDECAR} in it"
        for one in find_sessions(folder)[:1]:
            problem += f"; name one below it, such as {one} (only a report is of several)"
        raise StreamError(problem) from None
    except (ValueError, TypeError, KeyError) as error:
        raise StreamError(f"{path} is not a session's sidecar: {error}") from None


def read_session(folder: Path) -> Session:
    """Read a session, whole or cut off by a crash. Of a whole one the table's SHA-256 is compared.

    Raises:
        StreamError: there is none, or it is damaged.
    """
    sidecar = read_sidecar(folder)
    table = folder / FILE_NAME
    found = read_trajectories(table)
    recorded = sidecar.files.get(FILE_NAME) if sidecar.state == "complete" else None
    changed = recorded is not None and recorded != sha256_of(table)
    return Session(folder=folder, sidecar=sidecar, trajectories=found, changed=changed)


def check_replaces_no_recording(path: Path) -> None:
    """To be called before something made of a session is written where the user says.

    Raises:
        StreamError: that is a session's own sidecar, table or video, or a name that they may have.
    """
    path = path.resolve()
    of_recorder = path.name.casefold() == SIDECAR or path.stem.casefold() in _RECORDED_STEMS
    if of_recorder and (path.parent / SIDECAR).is_file():
        raise StreamError(f"{path} is for what was recorded; name another file with --to")


def find_sessions(root: Path) -> list[Path]:
    """The folders of sessions in ``root``, or ``root`` itself where it is one."""
    if (root / SIDECAR).is_file():
        return [root]
    return sorted(path.parent for path in root.glob(f"*/{SIDECAR}"))
