"""Standard error, for as long as somebody reads it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class StandardError:
    """A file for :class:`rich.console.Console`, which falls silent where others raise.

    Once the program that read it has ended, the terminal is gone or the disk is full, nothing more
    is written, and the run goes on.
    """

    def __init__(self) -> None:
        self._file = sys.stderr  # None where the program was started without it, with 2>&-
        if self._file is None:
            self._file = Path(os.devnull).open("w")  # noqa: SIM115 (until the program ends)

    def write(self, text: str) -> int:
        with self._falling_silent():
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with self._falling_silent():
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    @contextmanager
    def _falling_silent(self) -> Iterator[None]:
        try:
            yield
        except OSError:  # what is still in the buffer would fail again when Python ends
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._file.fileno())
            os.close(nowhere)
