"""The engines of one profile, one a frame size, built when a size first comes."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from engines.engine import EngineShape
from engines.profile import Profile
from engines.selection import (
    BackendChoice,
    Candidate,
    ChosenEngine,
    PrecisionChoice,
    choose_engine,
    survey,
)

_SPARE = 3
"""Of sizes that are kept beside one for each source: the squares around a hand, and one more."""


class EnginePool:
    """Owned by one thread, like the engines in it.

    Keeps the sizes that were used last, so that a source that changes its size and back does not
    cost a build each time.

    Args:
        max_batch: of how many sources frames may come at once; three sizes more than that are kept.

    Attributes:
        failed: backends that gave up while they ran, each with its reason; not tried again.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        backend: BackendChoice = "auto",
        precision: PrecisionChoice = "auto",
        max_batch: int = 1,
        cache: Path | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._profile = profile
        self._backend: BackendChoice = backend
        self._precision: PrecisionChoice = precision
        self._max_batch = max_batch
        self._cache = cache
        self._say = say
        self._engines: OrderedDict[tuple[int, int], ChosenEngine] = OrderedDict()
        self._dead: list[ChosenEngine] = []
        self.failed: dict[Candidate, str] = {}

    def has(self, height: int, width: int) -> bool:
        """Whether the engine for frames of this size is here already."""
        return (height, width) in self._engines

    def engine_for(self, height: int, width: int) -> ChosenEngine:
        """The engine for frames of this size, built and self-checked if it is new.

        Raises:
            EngineError: none can be built for it.
        """
        size = (height, width)
        if size not in self._engines:
            shape = EngineShape(height=height, width=width, max_batch=self._max_batch)
            self._engines[size] = choose_engine(
                self._profile,
                shape,
                backend=self._backend,
                precision=self._precision,
                cache=self._cache,
                say=self._say,
                without=self.failed,
            )
            if len(self._engines) > self._max_batch + _SPARE:
                self._engines.popitem(last=False)
        self._engines.move_to_end(size)
        return self._engines[size]

    def give_up(self, chosen: ChosenEngine, reason: str) -> None:
        """An engine failed while it ran: no size uses its backend and precision again.

        A device that is not the processor is given up as a whole: after most failures of a GPU
        nothing runs there any more, and the next frame must not wait for what is tried in vain.
        Batches that were under way on it fail one after the other; the first is what is told.
        """
        failed = chosen.candidate
        if failed in self.failed:
            return
        self.failed[failed] = reason
        if failed.device != "cpu":
            for other in survey(self._backend, self._precision).candidates:
                if other.device == failed.device:
                    self.failed.setdefault(other, f"{failed} failed there: {reason}")
        self._say(f"{failed} failed: {reason}; handing over to the next engine")
        for size, engine in list(self._engines.items()):
            if engine.candidate in self.failed:
                del self._engines[size]
                if engine.candidate.device != "cpu":  # freeing a dead GPU ends the process
                    self._dead.append(engine)
