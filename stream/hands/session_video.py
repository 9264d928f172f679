"""The raw video of a session: of what is recorded, and of nothing else."""

from pathlib import Path

from stream.frame import ProcessedFrame
from stream.hands.session_recorder import SessionRecorder
from stream.output.recording import Recording


class SessionVideo(Recording):
    """Leaves out the countdown, the pauses, and what comes after the end.

    Its times are the source's: the table's zero is at the sidecar's ``first_pts_s``.
    """

    def __init__(self, path: Path, recorder: SessionRecorder) -> None:
        super().__init__(path, as_captured=True, own_times=True)
        self._recorder = recorder

    def write(self, frame: ProcessedFrame) -> None:
        if self._recorder.holds(frame.captured.pts_s):
            super().write(frame)
