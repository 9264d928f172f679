"""Which engines beside the processor's have passed a self-check on this machine, and when.

What was built without such a device at hand is not vouched for until then.
"""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from engines.files import write_text_atomically

_FILE = "verified.json"


def remember(cache: Path | None, engine: str, device: str, psnr_db: float) -> None:
    """Note that an engine passed on a device; a cache that cannot be written forgets it."""
    if cache is None:
        return
    passed = verified(cache)
    passed[f"{engine}, {device}"] = {
        "self_check_psnr_db": round(psnr_db, 2),
        "last_passed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_text_atomically(cache / _FILE, json.dumps(passed, indent=2) + "\n")


def verified(cache: Path) -> dict[str, Any]:
    """The engines that passed, with their devices: self-check in dB, and the last time."""
    try:
        passed = json.loads((cache / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return passed if isinstance(passed, dict) else {}
