"""A module's work on a GPU recorded once for each batch size, and then started as a whole.

A network of sixty small kernels costs the host more time to start than the GPU to run; a CUDA graph
starts them with one call.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_WARM_UPS = 3
"""Calls before the recording: libraries choose their kernels and allocate in the first ones."""


class GraphedModule:
    """Call it like the module, on the stream that it was recorded for.

    The result is overwritten by the next call: copy it, on the same stream, before that.

    Args:
        module: tensor (N, ...) to tensor (N, ...), for each N up to ``len(example)``.
        example: an input of the largest batch.
        stream: where everything runs.
        say: takes a line where a batch size cannot be recorded and runs call by call instead.
    """

    def __init__(
        self,
        module: Callable[[Tensor], Tensor],
        example: Tensor,
        stream: torch.cuda.Stream,
        say: Callable[[str], None],
    ) -> None:
        self._module = module
        self._recorded: dict[int, tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}
        # One memory pool for all: they run one after the other on one stream, and each result is
        # copied before the next one starts.
        pool = torch.cuda.graph_pool_handle()
        for n in range(len(example), 0, -1):  # the largest first: the others fit in its memory
            given = example[:n].clone()
            torch.cuda.synchronize()
            # The outer stream context: a recording that fails leaves its stream current.
            with torch.inference_mode(), torch.cuda.stream(stream):
                for _ in range(_WARM_UPS):
                    module(given)
                stream.synchronize()
                graph = torch.cuda.CUDAGraph()
                try:
                    # "thread_local": CUDA calls of other threads, as of a second engine or a
                    # viewer, would otherwise break the recording, and it them.
                    with torch.cuda.graph(
                        graph, pool=pool, stream=stream, capture_error_mode="thread_local"
                    ):
                        result = module(given)
                except RuntimeError as error:
                    reason = str(error).strip().splitlines()[0]
                    say(f"a batch of {n} runs without a CUDA graph, somewhat slower: {reason}")
                    continue
            self._recorded[n] = graph, given, result

    def __call__(self, x: Tensor) -> Tensor:
        recorded = self._recorded.get(len(x))
        if recorded is None:
            return self._module(x)
        graph, given, result = recorded
        given.copy_(x)
        graph.replay()
        return result
