"""Which engine runs here: what there is, tried in order, each only after the self-check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engines.accelerators import apple_gpu, nvidia_gpu, require_torch, tensorrt_version
from engines.engine import Engine, EngineShape, Precision
from engines.errors import EngineError, ProfileError
from engines.processor import is_x86, processor
from engines.profile import Profile
from engines.selfcheck import self_check
from engines.verified import remember

Backend = Literal["tensorrt", "openvino", "torch"]
BackendChoice = Literal["auto", "tensorrt", "openvino", "torch"]
PrecisionChoice = Literal["auto", "f32", "bf16", "f16", "i8"]
Device = Literal["cuda", "mps", "gpu", "npu", "cpu"]
"""NVIDIA's GPU and Apple's as torch names them, Intel's GPU and NPU, the processor."""


@dataclass(frozen=True)
class Candidate:
    """A backend, precision and device worth trying."""

    backend: Backend
    precision: Precision
    device: Device = "cpu"

    def __str__(self) -> str:
        where = "" if self.device == "cpu" else f" on {self.device}"
        return f"{self.backend} {self.precision}{where}"


@dataclass(frozen=True)
class Refusal:
    """A candidate that was not taken, and why."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True)
class Absence:
    """A kind of engine that is not tried at all on this machine, and why."""

    engine: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """What there is to try here, best first, and what there is not."""

    candidates: tuple[Candidate, ...]
    absent: tuple[Absence, ...]


@dataclass(frozen=True)
class ChosenEngine:
    """An engine that passed its self-check.

    Attributes:
        self_check_psnr_db: its worst distance from the fp32 reference.
        refused: the candidates before it.
        absent: what was not tried, because it is not here.
    """

    engine: Engine
    candidate: Candidate
    self_check_psnr_db: float
    refused: tuple[Refusal, ...]
    absent: tuple[Absence, ...] = ()


def survey(backend: BackendChoice, precision: PrecisionChoice) -> Survey:
    """Look for engines. An explicit wish is tried alone: it is obeyed or refused."""
    found: list[Candidate] = []
    absent: list[Absence] = []
    for kind, device, precisions in _KINDS:
        if backend not in ("auto", kind):
            continue
        try:
            exact = precisions()
        except EngineError as error:
            absent.append(Absence(f"{kind} on {device}", str(error)))
            continue
        if precision == "i8" and (kind, device) != ("openvino", "cpu"):
            absent.append(Absence(f"{kind} on {device}", "computes nothing in i8"))
            continue
        wanted = exact if precision == "auto" else (precision,)
        found += [Candidate(kind, p, device) for p in wanted]
    return Survey(tuple(found), tuple(absent))


def _tensorrt_precisions() -> tuple[Precision, ...]:
    precisions = nvidia_gpu().precisions
    tensorrt_version()
    return precisions


def _mps_precisions() -> tuple[Precision, ...]:
    apple_gpu()
    return "f16", "f32"


def _openvino_precisions(device: Device) -> tuple[Precision, ...]:
    try:
        from engines.openvino import sees
    except ImportError as error:
        raise EngineError(f"OpenVINO does not load: {error}") from error
    if not sees(device.upper()):
        raise EngineError(f"OpenVINO sees no {device.upper()}")
    if device != "cpu":
        return "f16", "f32"
    fastest = processor().fastest_precision
    if fastest != "f32":
        return fastest, "f32"
    return ("i8", "f32") if is_x86() else ("f32",)


def _torch_cpu_precisions() -> tuple[Precision, ...]:
    require_torch("train")
    return ("f32",)


_KINDS: tuple[tuple[Backend, Device, Callable[[], tuple[Precision, ...]]], ...] = (
    ("tensorrt", "cuda", _tensorrt_precisions),
    ("torch", "cuda", lambda: nvidia_gpu().precisions),
    ("torch", "mps", _mps_precisions),
    ("openvino", "gpu", lambda: _openvino_precisions("gpu")),
    ("openvino", "npu", lambda: _openvino_precisions("npu")),
    ("openvino", "cpu", lambda: _openvino_precisions("cpu")),
    ("torch", "cpu", _torch_cpu_precisions),
)
"""Every kind of engine, best first, with the precisions worth trying where it is here."""


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
    here = survey(backend, precision)
    refused: list[Refusal] = []
    for candidate in here.candidates:
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
        if candidate.device != "cpu":
            remember(cache, str(candidate), engine.facts.device, distance)
        return ChosenEngine(engine, candidate, distance, tuple(refused), here.absent)
    reasons = [f"{r.candidate}: {r.reason}" for r in refused]
    reasons += [f"{a.engine}: {a.reason}" for a in here.absent]
    raise EngineError(f"no engine runs here. {'; '.join(reasons)}")


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
        ProfileError: the weights do not fit the architectures on the card.
    """
    precision, device = candidate.precision, candidate.device
    try:
        if candidate.backend == "openvino":
            from engines.openvino import OpenVINOEngine

            return OpenVINOEngine(
                profile, shape, precision, device=device.upper(), cache=cache, say=say
            )
        if candidate.backend == "tensorrt":
            from engines.tensorrt import TensorRTEngine

            return TensorRTEngine(profile, shape, precision, cache=cache, say=say)
        from engines.torch import TorchEngine

        return TorchEngine(profile, shape, precision, device=device, cache=cache, say=say)
    except (EngineError, ProfileError):
        raise
    except ImportError as error:
        raise EngineError(f"{candidate.backend} does not load: {error}") from error
    except Exception as error:
        # Drivers and compilers raise what they like, and the next engine is to be tried.
        raise EngineError(
            f"{candidate} cannot be built: {type(error).__name__}: {error}"
        ) from error
