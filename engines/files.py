"""Files and folders that are whole or absent."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it into place.

    Whatever happens in between, ``path`` holds the old content or the new one, never a part.

    Raises:
        OSError: the folder does not exist, is read-only or full; nothing is left behind.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_folder_atomically(folder: Path, fill: Callable[[Path], object]) -> None:
    """Let ``fill`` put files into a temporary folder beside ``folder``, then rename it into place.

    A folder that is there is replaced; the one above it is made.

    Raises:
        OSError: the folder above is read-only or full; nothing is left behind.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        draft.chmod(0o755)
        fill(draft)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Like :func:`write_atomically`, for UTF-8 text."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def folder_problem(path: Path) -> str | None:
    """What to tell the user where the folder that ``path`` is to be written to does not exist."""
    if os.path.isdir(path.parent):
        return None
    return f"{path}: the folder {path.parent} does not exist; make it first"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
