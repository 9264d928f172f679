"""torch.compile where it pays: tried, timed beside eager torch, and kept only if it is faster.

What it gains depends on the GPU and on what is installed beside torch, so it is measured where it
is to run.
"""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from engines.cache import is_private

_CALLS = 9
_WORTH = 0.95
"""Share of eager's time below which a compiled module is worth having."""


def faster(
    module: nn.Module,
    example: Tensor,
    *,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Callable[[Tensor], Tensor]:
    """The module, or what torch.compile makes of it where that is faster on this input.

    Args:
        example: a full batch, on the device.
        cache: folder in which the compiler may keep what it makes, if it is this user's alone;
            else that goes when the process ends.
        say: takes a line on what was found.
    """
    if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:  # its default is shared, and holds code
        private = str(cache / "inductor") if cache is not None and is_private(cache) else _passing()
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = private
    torch.compiler.reset()  # its limit of compilations counts those of engines that are gone
    compiled = torch.compile(module)
    say("trying torch.compile, which may take a minute the first time")
    try:
        eager_ms, compiled_ms = _median_ms(module, example), _median_ms(compiled, example)
    except Exception as error:  # the compiler raises whatever its stages raise
        reason = str(error).strip().splitlines()
        say(f"torch.compile does not work here: {reason[0] if reason else type(error).__name__}")
        return module
    taken = compiled_ms < _WORTH * eager_ms
    say(
        f"torch.compile {compiled_ms:.1f} ms, eager {eager_ms:.1f} ms a batch of {len(example)}: "
        f"{'compiled' if taken else 'eager'} is taken"
    )
    return compiled if taken else module


def _passing() -> str:
    folder = tempfile.mkdtemp(prefix="blur2blur-inductor-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _median_ms(call: Callable[[Tensor], Tensor], example: Tensor) -> float:
    times = []
    with torch.inference_mode():
        for _ in range(3 + _CALLS):
            start_ns = time.perf_counter_ns()
            call(example)
            if example.is_cuda:
                torch.cuda.synchronize()
            times.append((time.perf_counter_ns() - start_ns) / 1e6)
    return sorted(times[3:])[_CALLS // 2]
