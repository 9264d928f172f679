"""What became of the messages of a publisher."""

from dataclasses import dataclass, field

from stream.wire import Header

_MAX_SOURCES = 256


@dataclass
class SubscriptionCounts:
    """What happened so far.

    Attributes:
        received: well-formed frames that came.
        replaced: of these, those that a newer one replaced before they were taken.
        missed: gaps in the sequence numbers: frames that never came here.
        malformed: messages that were not frames, dropped unseen.
        reason: what was wrong with the last of them.
    """

    received: int = 0
    replaced: int = 0
    missed: int = 0
    malformed: int = 0
    reason: str = ""
    next_sequence: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def lost(self) -> int:
        """Frames that were published and not taken, for whichever reason."""
        return self.missed + self.replaced + self.malformed

    def count(self, header: Header) -> None:
        """A well-formed frame came."""
        self.received += 1
        if len(self.next_sequence) > _MAX_SOURCES:
            self.next_sequence.clear()
        expected = self.next_sequence.get(header.source, header.sequence)
        self.missed += max(0, header.sequence - expected)
        self.next_sequence[header.source] = header.sequence + 1
