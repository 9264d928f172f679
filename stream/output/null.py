"""An output that shows nothing: for statistics and benchmarks."""

from stream.frame import ProcessedFrame


class Null:
    """Takes every frame and forgets it."""

    uri = "null"
    every_frame = True
    main_thread = False

    def write(self, frame: ProcessedFrame) -> None:
        """Nothing to do."""

    def idle(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
