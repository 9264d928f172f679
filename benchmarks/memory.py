"""How much memory a run takes."""

from pathlib import Path


def rss_mib() -> float:
    """Memory of this process that is in RAM; 0 where the system does not tell so."""
    status = Path("/proc/self/statm")
    if not status.is_file():
        return 0.0
    return int(status.read_text().split()[1]) * 4096 / 2**20
