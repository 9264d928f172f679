"""Which backend and precision runs here: tried in order, each only after the self-check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from engines.engine import Engine, EngineShape, Precision
from engines.errors import EngineError
from engines.processor import processor
from engines.profile import Profile
from engines.selfcheck import self_check

BackendChoice = Literal["auto", "openvino", "torch"]
PrecisionChoice = Literal["auto", "f32", "bf16", "f16"]


@dataclass(frozen=True)
class Candidate:
    """A backend and precision worth trying."""

    backend: Literal["openvino", "torch"]
    precision: Precision

    def __str__(self) -> str:
        return f"{self.backend} {self.precision}"


@dataclass(frozen=True)
class Refusal:
    """A candidate that was not taken, and why."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True)
class ChosenEngine:
    """An engine that passed its self-check.

    Attributes:
        self_check_psnr_db: its worst distance from the fp32 reference.
        refused: the candidates before it.
    """

    engine: Engine
    candidate: Candidate
    self_check_psnr_db: float
    refused: tuple[Refusal, ...]


def candidates(backend: BackendChoice, precision: PrecisionChoice) -> list[Candidate]:
    """What to try, best first. An explicit wish is tried alone: it is obeyed or refused."""
    fastest = processor().fastest_precision
    low: list[Precision] = [fastest] if fastest != "f32" else []
    wanted: list[Precision] = [*low, "f32"] if precision == "auto" else [precision]
    found = [Candidate("openvino", p) for p in wanted] if backend in ("auto", "openvino") else []
    if backend == "torch":
        found += [Candidate("torch", "f32" if precision == "auto" else precision)]
    elif backend == "auto" and find_spec("torch") is not None:
        found += [Candidate("torch", "f32")] if precision in ("auto", "f32") else []
    return found


def choose_engine(
    profile: Profile,
    shape: EngineShape,
    *,
    backend: BackendChoice = "auto",
    precision: PrecisionChoice = "auto",
    cache: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    without: Mapping[Candidate, str] | None = None,
    build: Callable[[Candidate, Profile, EngineShape], Engine] | None = None,
) -> ChosenEngine:
    """Build the candidates one after the other until one passes the self-check.

    Args:
        without: candidates that are not to be tried, each with the reason.
        say: takes a line for each candidate that is refused.
        build: makes an engine of a candidate; :func:`build_engine` where None.

    Raises:
        EngineError: none passed; the message lists each with its reason.
    """
    refused: list[Refusal] = []
    for candidate in candidates(backend, precision):
        if without and candidate in without:
            refused.append(Refusal(candidate, without[candidate]))
            continue
        try:
            if build is None:
                engine = build_engine(candidate, profile, shape, cache=cache, say=say)
            else:
                engine = build(candidate, profile, shape)
            distance = self_check(engine, profile, cache=cache, say=say)
        except EngineError as error:
            refused.append(Refusal(candidate, str(error)))
            say(f"{candidate} is not used: {error}")
            continue
        return ChosenEngine(engine, candidate, distance, tuple(refused))
    tried = "; ".join(f"{r.candidate}: {r.reason}" for r in refused)
    raise EngineError(f"no engine runs here. Tried {tried}")


def build_engine(
    candidate: Candidate,
    profile: Profile,
    shape: EngineShape,
    *,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Engine:
    """Compile one candidate. Backends are imported only when they are used.

    Raises:
        EngineError: its library is not installed, or it cannot compile the profile.
    """
    if candidate.backend == "openvino":
        try:
            from engines.openvino import OpenVINOEngine
        except ImportError as error:
            raise EngineError(f"OpenVINO does not load: {error}") from error
        return OpenVINOEngine(profile, shape, candidate.precision, cache=cache, say=say)
    try:
        from engines.torch import TorchEngine
    except ImportError as error:
        raise EngineError(
            "torch is not installed; pip install 'blur2blur-live[train]' brings it"
        ) from error
    return TorchEngine(profile, shape, candidate.precision)
