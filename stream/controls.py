"""What a window may ask of the run that it belongs to."""

import time

from stream.capture.source import SourceStatus
from stream.console import RateMeter, status_lines
from stream.deblurring import DEBLUR_MODES
from stream.pipeline import Pipeline

_TEXT_S = 0.25


class RunControls:
    """What the window may ask of the run."""

    keys: tuple[str, ...] = ("d  deblur auto/on/off",)

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._rate = RateMeter()
        self._lines: list[str] = []
        self._written_at = 0.0

    def statuses(self) -> list[SourceStatus]:
        return self._pipeline.statuses

    def statistics_lines(self) -> list[str]:
        now = time.monotonic()
        if now - self._written_at > _TEXT_S:  # percentiles cost a millisecond
            self._written_at = now
            lines = status_lines(
                self._pipeline, self._rate.update(self._pipeline.ledger.output, now)
            )
            self._lines = [", ".join(lines[:2]), ", ".join(lines[2:])]
        return self._lines

    def banner(self) -> str:
        """What goes on, for all to see; empty where nothing needs saying."""
        return ""

    def pressed(self, key: str) -> None:
        """A key that the window has no use for itself."""
        if key == "d":
            deblurring = self._pipeline.deblurring
            at = DEBLUR_MODES.index(deblurring.mode)
            deblurring.mode = DEBLUR_MODES[(at + 1) % len(DEBLUR_MODES)]

    def quit(self) -> None:
        self._pipeline.stop()
