"""One measured figure, with what it means and whether it may be believed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A figure.

    Attributes:
        value: None where the data cannot carry it at all.
        problem: why it is not to be relied on; empty where it is valid.
        definition: how it is made of the landmarks.
        origin: the publication that the definition or its limits are from.
    """

    name: str
    value: float | None
    unit: str
    definition: str
    origin: str = ""
    problem: str = ""

    @property
    def valid(self) -> bool:
        return self.value is not None and not self.problem
