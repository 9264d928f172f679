"""`blur2blur engine build`: what `live` would do before its first frame, and what came of it."""

import time

from rich.console import Console

from engines.engine import EngineShape
from engines.folders import engine_cache
from engines.profile import load_profile
from engines.selection import BackendChoice, PrecisionChoice, choose_engine
from stream.capture.source import Size


def build_and_show(
    size: Size,
    *,
    batch: int,
    profile: str,
    backend: BackendChoice,
    precision: PrecisionChoice,
    console: Console,
) -> int:
    """Build, check, keep; returns the exit status.

    Raises:
        EngineError, ProfileError: no engine passes, or there is no such profile.
    """

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    start = time.monotonic()
    chosen = choose_engine(
        load_profile(profile),
        EngineShape(height=size.height, width=size.width, max_batch=batch),
        backend=backend,
        precision=precision,
        cache=engine_cache(),
        say=say,
    )
    facts = chosen.engine.facts
    say(
        f"{chosen.candidate} on {facts.device}, {facts.shape}, profile {facts.profile}: "
        f"{chosen.self_check_psnr_db:.1f} dB from fp32, ready in {time.monotonic() - start:.1f} s"
    )
    return 0
