"""What the processor can do, as far as it decides the precision."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engines.engine import Precision

_CPUINFO = Path("/proc/cpuinfo")
_LISTED = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16", "asimdhp")


@dataclass(frozen=True)
class Processor:
    """Name, usable cores, and the instruction sets that matter to a network."""

    name: str
    cores: int
    features: tuple[str, ...]

    @property
    def fastest_precision(self) -> Precision:
        """The precision in which this processor runs a network fastest.

        bf16 on AMX is measured at 4 to 6 times f32 for this network; without such units low
        precision is emulated and slower than f32. Intel's AVX-512 bf16 took 1.7 times f32's time
        where a virtual machine hides the AMX that its processor has, as AVX-512's fp16 gives away.
        """
        hidden_amx = "Intel" in self.name and "avx512_fp16" in self.features
        if "amx_bf16" in self.features or ("avx512_bf16" in self.features and not hidden_amx):
            return "bf16"
        if "asimdhp" in self.features:
            return "f16"
        return "f32"


@cache
def processor() -> Processor:
    """This machine's processor; features are known on Linux only and empty elsewhere."""
    fields: dict[str, str] = {}
    if _CPUINFO.is_file():
        for line in _CPUINFO.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip().lower(), value.strip())
    present = set((fields.get("flags") or fields.get("features") or "").split())
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        present.add("asimdhp")
    name = fields.get("model name") or platform.processor() or platform.machine()
    return Processor(name, usable_cores(), tuple(f for f in _LISTED if f in present))


def is_x86() -> bool:
    """Whether this machine's processor is Intel's or AMD's, of 64 bit.

    Those multiply 8-bit integers faster than fp32: twice as fast with AVX2, as measured, and by
    their makers' word four times with VNNI.
    """
    return platform.machine().lower() in ("x86_64", "amd64")


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
