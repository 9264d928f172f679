"""One process at a time trains in a folder."""

import errno
import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_LOCK = ".lock"


def lock_folder(folder: Path) -> bool:
    """Keep other processes from a folder until this one ends; False where another keeps it.

    The lock is the process's own: those that it forks do not hold it, and the system lets go of it
    however the process ends. Windows and file systems without locks have none, and let all in.

    Raises:
        OSError: the folder is missing or read-only.
    """
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)  # closed, it would be let go of
    if sys.platform != "win32":
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                os.close(file)
                return False
    return True
