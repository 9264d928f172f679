"""`blur2blur doctor`: what this machine has, what would be chosen, what is missing."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from engines.accelerators import nvidia_gpu
from engines.engine import EngineShape
from engines.errors import EngineError, ProfileError
from engines.folders import engine_cache, user_profiles
from engines.processor import processor
from engines.profile import DEFAULT_PROFILE, load_profile, profile_names
from engines.selection import choose_engine
from engines.selfcheck import least_psnr_db
from engines.verified import verified
from stream.capture.camera import list_cameras
from stream.hands.model import default_model, model_problem
from stream.output.display import display_problem
from stream.statistics import program_version

NEVER_RUN = (
    "TensorRT's engines have never run where this program was made, and torch with CUDA for a "
    "minute only; they are used here once they pass the self-check"
)

Verdict = Literal["ok", "missing", "failed", "info"]
_MARKS = {"ok": "[green]ok[/]", "missing": "[yellow]--[/]", "failed": "[red]no[/]", "info": ""}

_EXTRAS = {
    "train": ("lightning-fabric", "training; the torch backend comes with it"),
    "hands": ("mediapipe", "hand tracking"),
    "tensorrt": ("torch-tensorrt", "the NVIDIA engine"),
    "virtual-camera": ("pyvirtualcam", "pictures as a camera for video calls"),
}


@dataclass(frozen=True)
class Finding:
    """One line of the examination: what was looked at, how it is, and what to do about it."""

    topic: str
    verdict: Verdict
    text: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at everything; nothing that is missing raises."""
    return [
        Finding(
            "program", "info", f"blur2blur {program_version()}, Python {sys.version.split()[0]}"
        ),
        Finding("system", "info", platform.platform()),
        _processor(),
        *_openvino(),
        *_nvidia(),
        *_engine(),
        _cameras(),
        _display(),
        *_extras(),
        _hand_model(),
        Finding(
            "profiles", "info", f"{', '.join(profile_names())}; yours live in {user_profiles()}"
        ),
        _cache(),
    ]


def show(findings: list[Finding], console: Console) -> int:
    """Print a table; returns 1 where no engine runs here, else 0."""
    text_column = Column(overflow="fold")  # a path is shown whole
    table = Table("", "", text_column, box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        text = escape(finding.text)
        if finding.advice:
            text += f"\n[dim]{escape(finding.advice)}[/]"
        table.add_row(f"[bold]{finding.topic}[/]", _MARKS[finding.verdict], text)
    console.print(table)
    return 1 if any(f.verdict == "failed" and f.topic == "engine" for f in findings) else 0


def _processor() -> Finding:
    cpu = processor()
    features = ", ".join(cpu.features) or "unknown features"
    return Finding("processor", "info", f"{cpu.name}, {cpu.cores} cores; {features}")


def _openvino() -> list[Finding]:
    try:
        from engines.openvino import devices
    except ImportError as error:
        advice = "pip install --force-reinstall openvino"
        return [Finding("openvino", "failed", f"does not load: {error}", advice)]
    return [Finding("openvino", "ok", text) for text in devices()]


def _nvidia() -> list[Finding]:
    """The GPU, what it would run, and whether that has ever proved itself here."""
    try:
        gpu = nvidia_gpu()
    except EngineError as error:
        return [Finding("nvidia", "missing", str(error), f"in any case: {NEVER_RUN}")]
    found = [Finding("nvidia", "ok", f"{gpu}, CUDA {gpu.cuda}")]
    passed = {name: facts for name, facts in verified(engine_cache()).items() if " on cuda" in name}
    found += [
        Finding("verified", "ok", f"{name}: {facts['self_check_psnr_db']} dB from fp32")
        for name, facts in passed.items()
    ]
    if not any(name.startswith("tensorrt") for name in passed):
        advice = "blur2blur engine build --backend tensorrt, and blur2blur doctor --gpu-report F"
        found.append(Finding("verified", "missing", NEVER_RUN, advice))
    return found


def _engine() -> list[Finding]:
    """Choose an engine exactly as `live` would at 640x480."""
    shape = EngineShape(height=480, width=640)
    try:
        profile = load_profile(DEFAULT_PROFILE)
        chosen = choose_engine(profile, shape, cache=engine_cache())
    except (EngineError, ProfileError) as error:
        return [Finding("engine", "failed", str(error))]
    passed_over = [f"{absence.engine}: {absence.reason}" for absence in chosen.absent]
    passed_over += [
        f"{refusal.candidate} is not used: {refusal.reason}" for refusal in chosen.refused
    ]
    facts = chosen.engine.facts
    text = (
        f"{chosen.candidate} on {facts.device}; self-check {chosen.self_check_psnr_db:.1f} dB "
        f"from fp32 ({least_psnr_db(facts.precision):.0f} dB is the least)"
    )
    return [Finding("engine", "ok", text), *(Finding("", "info", line) for line in passed_over)]


def _cameras() -> Finding:
    cameras = list_cameras()
    if not cameras:
        advice = "plug one in, or use a phone: any IP-camera app, then blur2blur live http://…"
        return Finding("cameras", "missing", "none found", advice)
    unreadable = [c for c in cameras if c.startswith("/dev/") and not os.access(c, os.R_OK)]
    if unreadable:
        advice = "add yourself to the group `video` and log in again"
        return Finding("cameras", "failed", f"no permission for {', '.join(unreadable)}", advice)
    return Finding("cameras", "ok", ", ".join(cameras))


def _display() -> Finding:
    problem = display_problem()
    if problem is not None:
        return Finding("display", "missing", problem, "record instead: --to out.mp4")
    return Finding("display", "ok", os.environ.get("DISPLAY", "the system's own"))


def _extras() -> list[Finding]:
    findings = []
    for extra, (package, purpose) in _EXTRAS.items():
        try:
            findings.append(Finding(f"extra {extra}", "ok", f"{package} {version(package)}"))
        except PackageNotFoundError:
            advice = f"pip install 'blur2blur-live[{extra}]'"
            findings.append(
                Finding(
                    f"extra {extra}",
                    "missing",
                    f"{package} is not installed; it is for {purpose}",
                    advice,
                )
            )
    return findings


def _hand_model() -> Finding:
    path = default_model()
    if not path.is_file():
        return Finding("hand model", "missing", f"not at {path}", "blur2blur hands model")
    if (problem := model_problem(path)) is not None:
        advice = "blur2blur hands model --again"
        return Finding("hand model", "failed", f"{path}: {problem}", advice)
    return Finding("hand model", "ok", str(path))


def _cache() -> Finding:
    cache = engine_cache()
    files = [file for file in cache.rglob("*") if file.is_file()] if cache.is_dir() else []
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    return Finding("cache", "info", f"{len(files)} files, {megabytes:.0f} MB in {cache}")
