"""What the window of a session shows and takes."""

from stream.controls import RunControls
from stream.hands.session_recorder import SessionRecorder
from stream.pipeline import Pipeline


class SessionControls(RunControls):
    """What the window may ask of a session, which is recorded in one mode: its sidecar names it."""

    keys = ("space  pause, and go on",)

    def __init__(self, pipeline: Pipeline, recorder: SessionRecorder, title: str) -> None:
        super().__init__(pipeline)
        self._recorder = recorder
        self._title = title

    def banner(self) -> str:
        return self._recorder.banner

    def statistics_lines(self) -> list[str]:
        return [f"{self._title}   space: pause   q: end"]

    def pressed(self, key: str) -> None:
        if key == " ":
            self._recorder.toggle_pause()
