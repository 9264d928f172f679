"""A Motion-BIDS data set as it is found: what it lacks, and whom it holds already."""

import json
from pathlib import Path

from stream.errors import StreamError

PARTICIPANTS = "participants.tsv"
PARTICIPANT_CODE = "ParticipantCode"
_PARTICIPANT_ID = "participant_id"
_BIDS_VERSION = "1.10.0"
_README = "Hand landmarks, estimated from camera pictures by blur2blur-live.\n"


def descriptions(root: Path) -> dict[str, str]:
    """Files that describe a new data set, by name; none where somebody wrote such already."""
    if (root / "dataset_description.json").exists():
        return {}
    content = {
        "Name": "Hand movements",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "blur2blur-live"}],
    }
    described = {"dataset_description.json": json.dumps(content, indent=2) + "\n"}
    return described if any(root.glob("README*")) else {**described, "README": _README}


def check_subject(root: Path, subject: str, participant: str) -> None:
    """Look who has the name of a subject: made of letters and digits, P-07 and P07 come to one.

    Upper and lower case are not told from each other, as not all disks do. Whose files are from an
    earlier version is not known.

    Raises:
        StreamError: the data set has another participant by this name.
    """
    if not root.is_dir():
        return
    for folder in root.glob("sub-*"):
        if folder.name.casefold() == subject.casefold():
            others = {_code_in(path) for path in folder.glob("ses-*/motion/*_motion.json")}
            for other in sorted(others - {participant, ""}):
                raise StreamError(
                    f"{folder} is of participant {other}, and {participant} has the same name in "
                    f"BIDS; export {participant} into another folder: --bids FOLDER"
                )


def _code_in(path: Path) -> str:
    """The participant's code in a file of ours; empty in those of others and earlier versions."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(content.get(PARTICIPANT_CODE, "")) if isinstance(content, dict) else ""


def participants_with(path: Path, subject: str) -> bytes | None:
    """The table of participants with a row for this one; None where it has one already.

    Every byte that is there stays. What is not known about the participant is ``n/a``.

    Raises:
        StreamError: it cannot be read, or does not begin with the participants' codes.
    """
    if not path.exists():
        return f"{_PARTICIPANT_ID}\n{subject}\n".encode()
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise StreamError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StreamError(f"{path} is not UTF-8 text; save it as that") from None
    names, *rows = (line.split("\t") for line in text.removeprefix("\ufeff").splitlines() or [""])
    if names[0] != _PARTICIPANT_ID:
        raise StreamError(
            f"{path} begins with the column {names[0]!r}, not with {_PARTICIPANT_ID}, which BIDS "
            "wants first; put it there, or name another folder"
        )
    if subject in (row[0] for row in rows):
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    begin = "" if text.endswith("\n") else end
    row = "\t".join([subject, *["n/a"] * (len(names) - 1)])
    return f"{text}{begin}{row}{end}".encode()
