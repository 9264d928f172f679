"""Files and folders that are whole or absent."""

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it into place.

    Whatever happens in between, ``path`` holds the old content or the new one, never a part. Its
    permissions stay; those of a new file are as the user's umask has them. Where it is a link, that
    is done to what it leads to; a pipe or a device is written to as it is.

    Raises:
        OSError: the folder does not exist, is read-only or full; nothing is left behind.
    """
    if is_device(path):
        write(path)  # not resolved: /dev/stdout leads to a pipe without a name
        return
    path = path.resolve()
    temporary = _draft_of(path)
    temporary.touch(exist_ok=False)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_folder_atomically(
    folder: Path, fill: Callable[[Path], object], *, known_by: str | None = None
) -> None:
    """Let ``fill`` put files into a temporary folder beside ``folder``, then rename it into place.

    The folder above is made. One that is there is replaced if it is empty, or of the same kind;
    its permissions stay.

    Args:
        known_by: a file that every folder of this kind holds; without it none is replaced.

    Raises:
        FileExistsError: ``folder`` holds something else, which is left as it is.
        OSError: the folder above is read-only or full; nothing is left behind.
    """
    folder = folder.resolve()
    check_may_be_replaced(folder, known_by=known_by)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft_of(folder)
    draft.mkdir()
    try:
        fill(draft)
        if folder.exists():
            draft.chmod(stat.S_IMODE(folder.stat().st_mode))
        _put_in_place(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def is_device(path: Path) -> bool:
    """Or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _draft_of(path: Path) -> Path:
    """A hidden name beside it that nothing else has, of the same suffix."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}{path.suffix}")


def _put_in_place(draft: Path, folder: Path) -> None:
    old = draft.with_name(f"{draft.name}.old")
    if folder.exists():
        folder.rename(old)  # a kill after this leaves both, under other names
    try:
        draft.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_may_be_replaced(folder: Path, *, known_by: str | None) -> None:
    """What :func:`write_folder_atomically` would refuse, before the folder is filled, which may
    take long.

    Raises:
        FileExistsError: there is something else.
    """
    if not folder.exists() or (known_by is not None and (folder / known_by).is_file()):
        return
    if not folder.is_dir() or any(folder.iterdir()):
        kind = "" if known_by is None else f" without {known_by}"
        raise FileExistsError(
            errno.EEXIST,
            f"there is something else{kind} already, which is not replaced; name another folder",
            str(folder),
        )


def write_text_atomically(path: Path, text: str) -> None:
    """Like :func:`write_atomically`, for UTF-8 text."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def folder_problem(path: Path) -> str | None:
    """What to tell the user where no file can be written to ``path``."""
    if os.path.isdir(path):
        return f"{path} is a folder; name a file"
    if os.path.isdir(path.parent):
        return None
    return f"{path}: the folder {path.parent} does not exist; make it first"


def writable_problem(path: Path) -> str | None:
    """What to tell the user where :func:`write_atomically` could not write to ``path``.

    For what is written after a run or a measurement, which would be lost.
    """
    if (problem := folder_problem(path)) is not None:
        return problem
    try:
        check_writable(path)
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}; name another file"
    return None


def first_problem(*paths: Path | None) -> str | None:
    """The first :func:`writable_problem` of those files that are wanted."""
    problems = (writable_problem(path) for path in paths if path is not None)
    return next((problem for problem in problems if problem is not None), None)


def check_writable(path: Path) -> None:
    """Try to make a file where :func:`write_atomically` would; nothing is left there.

    Raises:
        OSError: there can be none.
    """
    if not is_device(path):
        draft = _draft_of(path.resolve())
        draft.touch(exist_ok=False)
        draft.unlink()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; read in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
