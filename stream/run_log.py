"""A log for programs: one JSON object a line, when it was asked for."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from os import SEEK_END
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, TextIO

from stream.errors import OutputError

STANDARD_ERROR = "-"


class RunLog:
    """Lines like ``{"time": "2026-01-31T12:00:00.000Z", "monotonic_ns": …, "event": "said", …}``.

    Safe to use from all threads. A log that can no longer be written (a full disk) is given up,
    which is said once; the run goes on. After a line that a killed run has left unfinished a new
    one is begun. As a context manager it tells why the run inside broke off, and closes.

    Args:
        path: appended to; ``-`` is standard error; None keeps no log.
        say: takes the line that says that it is given up.

    Raises:
        OutputError: the file cannot be opened.

    Attributes:
        failure: why it was given up, None where it was not.
    """

    def __init__(self, path: Path | None, say: Callable[[str], None] = lambda line: None) -> None:
        self.failure: str | None = None
        self._say = say
        self._lock = Lock()
        self._file: TextIO | None = None
        self._path = path
        if path is None:
            return
        try:
            torn = _ends_midway(path)
            if str(path) == STANDARD_ERROR:
                self._file = sys.stderr
            else:
                self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: no log can be written there: {error.strerror}") from None
        if torn:
            self._append("\n")

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.write("ended", problems=[str(error) or type(error).__name__])
        self.close()

    def write(self, event: str, **fields: Any) -> None:
        """Add a line."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": moment, "monotonic_ns": time.perf_counter_ns(), "event": event, **fields}
        self._append(json.dumps(line) + "\n")

    def close(self) -> None:
        with self._lock:
            self._release()

    def _append(self, text: str) -> None:
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.write(text)
                self._file.flush()
                return
            except OSError as error:
                self.failure = f"{self._path}: the log is given up: {error.strerror}"
                self._release()
        self._say(self.failure)

    def _release(self) -> None:
        if self._file is not None and self._file is not sys.stderr:
            with suppress(OSError):  # of what could not be written
                self._file.close()
        self._file = None


def _ends_midway(path: Path) -> bool:
    """Whether the last line of a file lacks its end."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, SEEK_END)
        return file.read() != b"\n"
