"""An engine that runs a torch module on frames of the host: bytes up, computation, bytes down.

On CUDA each of the three has a stream of its own, and two batches may be under way: while one is
computed, the next one is copied up and the last one down, through host memory that the GPU reads
directly. Elsewhere the same steps follow each other.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.cuda_graphs import GraphedModule
from engines.engine import EngineFacts, EngineShape, StageTimes, Ticket, check_frames
from engines.errors import EngineError

_UNDER_WAY = 2


class DeviceEngine:
    """One module, one frame shape, one device; owned by one thread.

    Args:
        module: uint8 (N, H, W, 3) to the same, on the device, for N up to the shape's batch.
        graphs: on CUDA, record the module's work for each batch and start it as a whole.
        say: takes a line for the user where something goes otherwise than hoped.

    Raises:
        EngineError: the device is not there, or has too little memory.
    """

    def __init__(
        self,
        module: Callable[[Tensor], Tensor],
        facts: EngineFacts,
        device: torch.device,
        *,
        graphs: bool = True,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.facts = facts
        self._device = device
        self._submitted = 0
        self._run = module
        try:
            self._streams = _Streams(device)
            self._slots = [_Slot(facts.shape, device) for _ in range(_UNDER_WAY)]
            if device.type == "cuda" and graphs:
                example = self._slots[0].before
                self._run = GraphedModule(module, example, self._streams.compute, say)
            if device.type == "cuda":
                torch.cuda.synchronize(device)  # the slots are zeroed on another stream
        except (RuntimeError, AssertionError) as error:
            raise EngineError(f"torch cannot run this on {device}: {error}") from error

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Up, computed, down.

        Raises:
            EngineError: the frames do not fit, or the device failed.
        """
        return self.collect(self.submit(frames))

    def submit(self, frames: NDArray[np.uint8]) -> Ticket:
        """Start with uint8 (N, H, W, 3) frames and return at once; they are copied before.

        Raises:
            EngineError: the frames do not fit, two batches are under way, or the device failed.
        """
        check_frames(frames, self.facts.shape)
        ticket = Ticket(self._submitted, len(frames))
        slot, n, streams = self._slot(ticket), len(frames), self._streams
        if slot.holds is not None:
            raise EngineError(f"{_UNDER_WAY} batches are under way; collect one first")
        try:
            slot.host_before.numpy()[:n] = frames
            with torch.inference_mode():
                with streams.use(streams.upload):
                    slot.record("upload starts")
                    slot.before[:n].copy_(slot.host_before[:n], non_blocking=True)
                    slot.record("uploaded")
                with streams.use(streams.compute):
                    slot.wait("uploaded")
                    slot.record("compute starts")
                    slot.after[:n].copy_(self._run(slot.before[:n]))
                    slot.record("computed")
                with streams.use(streams.download):
                    slot.wait("computed")
                    slot.record("download starts")
                    slot.host_after[:n].copy_(slot.after[:n], non_blocking=True)
                    slot.record("downloaded")
        except RuntimeError as error:
            raise self._lost(error) from error
        slot.holds = ticket
        self._submitted += 1
        return ticket

    def collect(self, ticket: Ticket) -> NDArray[np.uint8]:
        """Wait for a batch; a new uint8 (N, H, W, 3) array.

        Raises:
            EngineError: it was collected before, or the device failed.
        """
        slot = self._slot(ticket)
        if slot.holds != ticket:
            raise EngineError("this batch was collected before")
        slot.holds = None
        try:
            slot.finish()
        except RuntimeError as error:
            raise self._lost(error) from error
        result: NDArray[np.uint8] = slot.host_after.numpy()[: ticket.frames].copy()
        return result

    def stage_times(self, ticket: Ticket) -> StageTimes | None:
        """How long the stages of the batch that was collected last took; None but on CUDA."""
        return self._slot(ticket).times()

    def _lost(self, error: RuntimeError) -> EngineError:
        """What to raise where the device failed.

        Its memory is never given back then: torch records an event when pinned memory is freed,
        and on a device that is gone that ends the process.
        """
        if self._device.type == "cuda":
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._slots))
        return EngineError(f"torch failed on {self._device}: {error}")

    def _slot(self, ticket: Ticket) -> "_Slot":
        return self._slots[ticket.number % _UNDER_WAY]


class _Streams:
    """Upload, compute and download: streams on CUDA, and nothing at all elsewhere."""

    def __init__(self, device: torch.device) -> None:
        module = torch.cuda if device.type == "cuda" else torch.cpu
        self.use: Callable[[Any], Any] = module.stream
        self.upload, self.compute, self.download = (module.Stream() for _ in range(3))


class _Slot:
    """Memory for one batch on its way, on both sides, and the moments that it passes."""

    def __init__(self, shape: EngineShape, device: torch.device) -> None:
        size = (shape.max_batch, shape.height, shape.width, 3)
        self._cuda = device.type == "cuda"
        self.host_before, self.host_after = (
            torch.zeros(size, dtype=torch.uint8, pin_memory=self._cuda) for _ in range(2)
        )
        self.before, self.after = (
            torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2)
        )
        self.holds: Ticket | None = None
        self._device = device
        self._moments: dict[str, torch.cuda.Event] = {}

    def record(self, moment: str) -> None:
        """Mark the current stream's place."""
        if self._cuda:
            event = self._moments.get(moment)
            if event is None:
                event = self._moments[moment] = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()

    def wait(self, moment: str) -> None:
        """Let the current stream wait until another has passed its mark."""
        if self._cuda:
            self._moments[moment].wait()

    def finish(self) -> None:
        """Let the host wait until the batch is back."""
        if self._cuda:
            self._moments["downloaded"].synchronize()
        elif self._device.type == "mps":
            torch.mps.synchronize()

    def times(self) -> StageTimes | None:
        if not self._cuda:
            return None
        m = self._moments
        return StageTimes(
            upload_ms=m["upload starts"].elapsed_time(m["uploaded"]),
            compute_ms=m["compute starts"].elapsed_time(m["computed"]),
            download_ms=m["download starts"].elapsed_time(m["downloaded"]),
        )
