"""How much memory a run takes."""

import os
from pathlib import Path


def growth_mib(before: float | None) -> float | None:
    """How much more of this process is in RAM than before; None where either is not known."""
    now = rss_mib()
    return None if before is None or now is None else round(now - before, 2)


def rss_mib() -> float | None:
    """Memory of this process that is in RAM; None where the system does not tell so."""
    status = Path("/proc/self/statm")
    if not status.is_file():
        return None
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
