"""A log for programs: one JSON object a line, when it was asked for."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from stream.errors import OutputError


class RunLog:
    """Lines like ``{"time": "2026-01-31T12:00:00.000Z", "monotonic_ns": …, "event": "said", …}``.

    Safe to use from all threads. A log that can no longer be written (a full disk) is given up; the
    run goes on.

    Args:
        path: appended to; ``-`` is standard error; None keeps no log.

    Raises:
        OutputError: the file cannot be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = Lock()
        self._file: TextIO | None = None
        if path is None:
            return
        try:
            self._file = sys.stderr if str(path) == "-" else path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: no log can be written there: {error.strerror}") from None

    def write(self, event: str, **fields: Any) -> None:
        """Add a line."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": moment, "monotonic_ns": time.perf_counter_ns(), "event": event, **fields}
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.write(json.dumps(line) + "\n")
                self._file.flush()
            except OSError:
                self._file = None

    def close(self) -> None:
        with self._lock:
            if self._file not in (None, sys.stderr):
                assert self._file is not None
                self._file.close()
            self._file = None
