"""Removing a session: what goes, and in which order."""

import shutil
from pathlib import Path

from stream.errors import StreamError
from stream.hands.session import SIDECAR, sidecar_content
from stream.hands.session_table import FILE_NAME


def contents(folder: Path) -> list[Path]:
    """Every file of a session, which may be damaged; of links themselves, not what they lead to.

    Raises:
        StreamError: it is no session.
    """
    _check_is_session(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def remove_without_recording(folder: Path) -> bool:
    """Remove the folder of a session that was begun and into which nothing was recorded.

    Returns:
        False where it holds more than such a session's own files (a video, say); all of it stays.
    """
    if not {path.name for path in folder.iterdir()} <= {SIDECAR, FILE_NAME}:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def delete_session(folder: Path) -> None:
    """Remove a session's folder with everything in it, also where it is damaged.

    The sidecar goes last, and the table before it: where something else cannot be removed, it stays
    a session that can be deleted again.

    Raises:
        StreamError: it is no session, is a link to one, or cannot be removed; or all that is in it
            is removed, and the empty folder cannot be.
    """
    _check_is_session(folder)
    if folder.is_symlink():
        raise StreamError(f"{folder} is a link; delete {folder.resolve()}, and then the link")
    folder = folder.resolve()  # "." cannot be removed by that name
    try:
        for path in sorted(folder.iterdir(), key=_when_it_goes):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise StreamError(
            f"{folder} cannot be removed whole: {error}; close what uses it, and delete it again"
        ) from None
    try:
        folder.rmdir()
    except OSError as error:
        raise StreamError(
            f"all that was in {folder} is removed, but not the folder itself: {error.strerror}; "
            "leave it, close what uses it, and remove it as any other"
        ) from None


def _check_is_session(folder: Path) -> None:
    """A sidecar tells, also one that cannot be read where a table of landmarks is beside it.

    Raises:
        StreamError: it is no session.
    """
    try:
        sidecar_content(folder)
    except StreamError:
        if not ((folder / SIDECAR).is_file() and (folder / FILE_NAME).is_file()):
            raise


def _when_it_goes(path: Path) -> tuple[bool, bool]:
    return path.name == SIDECAR, path.name == FILE_NAME
