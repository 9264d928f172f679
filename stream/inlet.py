"""Where the frames of one source wait for the engine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Event

from stream.frame import Frame
from stream.mailbox import Mailbox
from stream.metrics import Ledger


@dataclass(frozen=True)
class SizeRequest:
    """A source will send frames of this size; ``done`` is set when the engine is ready for them."""

    height: int
    width: int
    done: Event = field(default_factory=Event)


class Inlet:
    """Of a live source the newest frame, of a file each; every one that goes is counted.

    Args:
        changed: shared with the other inlets.
        building: whether an engine is being built, which is why frames are left out meanwhile.
        has_room: whether there is room behind the engine; a file's frames stay here until there is.
    """

    def __init__(
        self,
        *,
        live: bool,
        ledger: Ledger,
        changed: Condition,
        building: Callable[[], bool],
        has_room: Callable[[], bool],
    ) -> None:
        self.box: Mailbox[Frame | SizeRequest] = Mailbox(changed, lambda: live or has_room())
        self.live = live
        self._ledger = ledger
        self._building = building

    def deliver(self, frame: Frame) -> None:
        """Leave a captured frame here; waits for room where every frame counts."""
        self._ledger.count_captured(frame.captured_ns)
        if not self.live:
            if not self.box.put(frame):
                self.count_dropped("stopped")
            return
        replaced = self.box.offer(frame)
        if replaced is frame:
            self.count_dropped("stopped")
        elif replaced is not None:
            self.count_dropped("engine_building" if self._building() else "engine_busy")

    def newest(self, frame: Frame) -> Frame:
        """What goes to the engine instead of a frame that was taken before the engine was built."""
        newer = self.box.take(0) if self.outdates(frame) else None
        if not isinstance(newer, Frame):
            return frame
        self.count_dropped("engine_building")
        return newer

    def outdates(self, frame: Frame) -> bool:
        """Whether a newer frame waits, of a source of which only the newest counts."""
        waiting = self.box.waiting
        return self.live and isinstance(waiting, Frame) and waiting.sequence > frame.sequence

    def empty(self) -> None:
        """Nobody will take what still waits."""
        if isinstance(self.box.take(0), Frame):
            self.count_dropped("stopped")

    def count_dropped(self, cause: str) -> None:
        """One of this source's frames will not come out."""
        self._ledger.count_dropped(cause)
