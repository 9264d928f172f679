"""Which sessions a report is about, and where it is written."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from stream.errors import StreamError
from stream.hands.session import Sidecar, find_sessions, read_session, read_sidecar


def choose_sessions(
    places: Sequence[Path],
    participant: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """The folders of a participant's sessions, each once; of all where they are of one anyway.

    Args:
        places: folders of sessions, or folders that hold such.
        say: takes a line for each that is left out: a copy of another that is as whole, or, where
            it was said of whom sessions are wanted, one whose sidecar cannot be read.

    Raises:
        StreamError: there is none, none of that participant, or they are of several and it was not
            said of which; or then a sidecar cannot be read.
    """
    found = {folder.resolve(): folder for place in places for folder in find_sessions(place)}
    if not found:
        raise StreamError(f"there is no session in {', '.join(map(str, places))}")
    sidecars: dict[Path, Sidecar] = {}
    for folder in found.values():
        try:
            sidecars[folder] = read_sidecar(folder)
        except StreamError as error:
            if participant is None:
                raise
            say(f"{folder} is left out: {error}")
    codes = {sidecar.participant for sidecar in sidecars.values()}
    wanted = participant or one_participant(codes)
    chosen = _without_copies({f: s for f, s in sidecars.items() if s.participant == wanted}, say)
    if not chosen:
        raise StreamError(
            f"there is no session of {wanted} in {', '.join(map(str, places))}; there are some of "
            + (", ".join(sorted(codes)) or "nobody that can be read")
        )
    return chosen


def _without_copies(sidecars: dict[Path, Sidecar], say: Callable[[str], None]) -> list[Path]:
    """A folder of each session: the first with nothing wrong, or else the one with most in it."""
    copies: dict[str, list[Path]] = {}
    for folder, sidecar in sidecars.items():
        copies.setdefault(sidecar.id, []).append(folder)
    chosen = []
    for folders in copies.values():
        taken, left_out = _best_of(folders) if folders[1:] else (folders[0], {})
        chosen.append(taken)
        for folder, wrong in left_out.items():
            damage = f"; {wrong}" if wrong else ""
            say(f"{folder} is left out: it is a copy of {taken}, by its id{damage}")
    return chosen


def _best_of(copies: Sequence[Path]) -> tuple[Path, dict[Path, str]]:
    """Which of a session's copies to take, and what is wrong with each of the others."""
    looked_at = {folder: _looked_at(folder) for folder in copies}
    best = max(copies, key=lambda folder: (not looked_at[folder][0], looked_at[folder][1]))
    return best, {folder: wrong for folder, (wrong, _) in looked_at.items() if folder != best}


def _looked_at(folder: Path) -> tuple[str, int]:
    """What is wrong with a session's files, empty where nothing is; and how many rows are there."""
    try:
        session = read_session(folder)
    except StreamError as error:
        return str(error), -1
    wrong = "it was cut off" if session.sidecar.state != "complete" else session.warning
    return wrong, sum(map(len, session.trajectories.values()))


def one_participant(codes: Iterable[str]) -> str:
    """The only code.

    Raises:
        StreamError: there are several.
    """
    first, *others = sorted(set(codes))
    if others:
        raise StreamError(
            f"these sessions are of several participants ({', '.join([first, *others])}); a report "
            f"is about one: say which, as in --participant {first}"
        )
    return first


def report_path(places: Sequence[Path], sessions: Sequence[Path], participant: str) -> Path:
    """Where their report goes if nobody says: in the session that was named, or above them all.

    The latter has the participant's code in its name: it never replaces a session's own report.

    Raises:
        StreamError: they have no folder in common.
    """
    if {place.resolve() for place in places} == {folder.resolve() for folder in sessions[:1]}:
        return places[0] / "report.html"
    try:
        above = os.path.commonpath([os.path.abspath(folder.parent) for folder in sessions])
    except ValueError:  # on several drives
        raise StreamError("these sessions have no folder in common; say --to FILE") from None
    code = re.sub(r"[^A-Za-z0-9_-]", "", participant)
    return Path(above) / f"report_{code}.html"
