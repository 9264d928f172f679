"""Which sessions a report is about, and where it is written."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from stream.errors import StreamError
from stream.hands.session import find_sessions, read_sidecar


def choose_sessions(places: Sequence[Path], participant: str | None = None) -> list[Path]:
    """The folders of a participant's sessions, each once; of all where they are of one anyway.

    Args:
        places: folders of sessions, or folders that hold such.

    Raises:
        StreamError: there is none, none of that participant, or they are of several and it was not
            said of which; or a sidecar cannot be read.
    """
    found = {folder.resolve(): folder for place in places for folder in find_sessions(place)}
    if not found:
        raise StreamError(f"there is no session in {', '.join(map(str, places))}")
    codes = {folder: read_sidecar(folder).participant for folder in found.values()}
    wanted = participant or one_participant(codes.values())
    chosen = [folder for folder, code in codes.items() if code == wanted]
    if not chosen:
        raise StreamError(
            f"there is no session of {wanted} in {', '.join(map(str, places))}; there are some of "
            + ", ".join(sorted(set(codes.values())))
        )
    return chosen


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
