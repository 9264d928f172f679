"""What a network that looks for motion learns it from: where things were during the exposure."""

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from calibration.pairs import BlurredCrops, to_tensor
from calibration.precision import training_dtype
from calibration.processes import from_workers, reading_workers
from calibration.training_data import one_thread
from engines.networks import MotionUNet
from engines.networks.motion_reader import ComparingReader, MotionReader
from engines.networks.motion_unet import CELL_PX, MOTION_BIN_PX, MOTION_BINS
from engines.networks.spectra import linear_light

READING_PX = 192
"""Side of the pictures from which reading is learned: more than a window, as cameras' are."""
_CENTRE = MOTION_BINS**2 // 2
_READING_EPOCHS = 9
_READING_BATCH = 128
_READING_RATE = 1.5e-3
_DROPPED = 0.2


def displacements(path: NDArray[np.float64] | None) -> NDArray[np.float32]:
    """The share of the exposure that a trajectory spends at each displacement.

    Args:
        path: float64 (steps, 2), x and y in pixels around mid-exposure; None where nothing moves.

    Returns:
        float32 (27 * 27,) that sums to 1, rows first; what lies outside counts at the border.
    """
    shares = np.zeros((MOTION_BINS, MOTION_BINS), np.float32)
    middle = MOTION_BINS // 2
    places = np.zeros((1, 2)) if path is None else path / MOTION_BIN_PX
    column, row = np.clip(np.rint(places).astype(int) + middle, 0, MOTION_BINS - 1).T
    np.add.at(shares, (row, column), 1.0)
    return np.asarray((shares / shares.sum()).ravel(), np.float32)


class MotionCrops(Dataset[tuple[Tensor, ...]]):
    """The pairs of :class:`BlurredCrops`, and what moved in them.

    Item: blurred and sharp, uint8 (3, crop, crop); displacements, float32 (27 * 27,); presence of
    what moved, float32 (crop / 16, crop / 16); whether the network is told, bool ().

    Args:
        crops: the pairs; their side is a multiple of 16 px.
        told_share: share of the pairs whose motion the network is told while it learns to deblur,
            so that it learns to follow what it is told before its own estimates are worth it.
    """

    def __init__(self, crops: BlurredCrops, told_share: float) -> None:
        self.crops = crops
        self.told_share = told_share

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        random = np.random.default_rng((self.crops.seed, index))
        example = self.crops.example(random)
        cells = len(example.sharp) // CELL_PX
        presence = np.ones((cells, cells), np.float32)
        if example.presence is not None:
            presence = cv2.resize(
                example.presence, (cells, cells), interpolation=cv2.INTER_AREA
            ).clip(0, 1)
        return (
            to_tensor(example.blurred),
            to_tensor(example.sharp),
            torch.from_numpy(displacements(example.path)),
            torch.from_numpy(presence),
            torch.tensor(random.random() < self.told_share),
        )


def cell_motion(shares: Tensor, presence: Tensor) -> Tensor:
    """Displacements in every cell: what moved was there for a share, what is still for the rest.

    Args:
        shares: float (N, 27 * 27).
        presence: float (N, rows, columns) in 0...1.

    Returns:
        float (N, 27 * 27, rows, columns) that sums to 1 over displacements.
    """
    here = presence[:, None]
    still = torch.zeros_like(shares)
    still[:, _CENTRE] = 1.0
    return shares[:, :, None, None] * here + still[:, :, None, None] * (1 - here)


def motion_loss(log_motion: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy of the estimates, in nats, of (N, 27 * 27, ...) both."""
    return -(truth * log_motion).sum(dim=1).mean()


def learn_to_read(
    network: MotionUNet, crops: BlurredCrops, report: Callable[[str, int, int], None]
) -> None:
    """Teach the part of the network that reads spectra by itself, in minutes; half an hour on CPUs.

    Statistics of windows are small and say much, so many can be gone through many times; while the
    whole network learns, it sees too few pictures for that. Where the network looks twice, it is
    the second look that learns, on what the first one makes of the pictures.

    Args:
        network: changed in place; the means and deviations of the statistics too.
        crops: shaken pictures, all of which are learned from, each as a whole and around a window.
        report: takes what goes on, how much is done, and of how much.
    """
    reading = FirstReading(network) if network.second is None else SecondReading(network)
    statistics, shares = _statistics(reading, crops, report)
    count = len(statistics)
    reading.measure(statistics)
    batch = min(_READING_BATCH, count)
    steps = _READING_EPOCHS * (count // batch)
    optimizer = torch.optim.AdamW(reading.learns.parameters(), _READING_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _READING_RATE, steps)
    order = itertools.chain.from_iterable(
        torch.randperm(count)[: count - count % batch].view(-1, batch) for _ in itertools.count()
    )
    for step, chosen in enumerate(itertools.islice(order, steps)):
        seen, truth = statistics[chosen].float(), shares[chosen].view(-1, MOTION_BINS, MOTION_BINS)
        if step % 2:
            seen, truth = reading.mirrored(seen), truth.flip(2)
        if step // 2 % 2:
            seen, truth = reading.turned(seen), truth.flip(1, 2)
        logits = reading.logits(seen[:, :, None, None], _DROPPED)[:, :, 0, 0]
        loss = motion_loss(torch.log_softmax(logits, dim=1), truth.flatten(1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        report("learning to read spectra", step + 1, steps)


class FirstReading:
    """What a network that looks once reads, and how.

    ``size`` statistics of a picture; ``learns`` is what learns to read them.
    """

    size = MotionReader.size

    def __init__(self, network: MotionUNet) -> None:
        self.learns = network.reader
        self.logits = network.reader.logits
        self.mirrored = network.reader.mirrored
        self.turned = network.reader.turned

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        near, everywhere, _ = self.learns.statistics(linear_light(x))
        return near, everywhere

    def measure(self, statistics: Tensor) -> None:
        self.learns.standardised.measure(statistics)


class SecondReading:
    """The same of a second look: it goes on from what the first reader, left as it is, says."""

    size = MotionReader.size + ComparingReader.size

    def __init__(self, network: MotionUNet) -> None:
        assert network.second is not None
        self.network = network
        self.second = network.second
        self.learns = self.second.reader

    def statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.contiguous(memory_format=torch.channels_last)
        dtype = training_dtype(x.device)
        with torch.autocast(x.device.type, dtype, enabled=dtype is torch.bfloat16):
            seen = self.network.see(x)
            first = seen.statistics[:2]
            second = self.second.compared(seen, self.network.first_light(x, seen))
        near, everywhere = (torch.cat(part, dim=1) for part in zip(first, second, strict=True))
        return near, everywhere

    def measure(self, statistics: Tensor) -> None:
        self.learns.standardised.measure(self._apart(statistics)[1])

    def logits(self, statistics: Tensor, dropped: float) -> Tensor:
        first, second = self._apart(statistics)
        with torch.no_grad():
            hidden = self.network.reader.hidden(first)
        return self.learns.logits(second, hidden, dropped)

    def mirrored(self, statistics: Tensor) -> Tensor:
        first, second = self._apart(statistics)
        return torch.cat([self.network.reader.mirrored(first), self.learns.mirrored(second)], dim=1)

    def turned(self, statistics: Tensor) -> Tensor:
        first, second = self._apart(statistics)
        return torch.cat([self.network.reader.turned(first), self.learns.turned(second)], dim=1)

    @staticmethod
    def _apart(statistics: Tensor) -> tuple[Tensor, Tensor]:
        return statistics[:, : MotionReader.size], statistics[:, MotionReader.size :]


@torch.no_grad()
def _statistics(
    reading: FirstReading | SecondReading,
    crops: BlurredCrops,
    report: Callable[[str, int, int], None],
) -> tuple[Tensor, Tensor]:
    """Of each crop and of one of its windows, fp16 (N, size), and displacements (N, 27 * 27)."""
    statistics = torch.empty(len(crops), 2, reading.size, dtype=torch.float16)  # gigabytes
    shares = torch.empty(len(crops), 2, MOTION_BINS**2)
    pictures = DataLoader(
        MotionCrops(crops, 0.0),
        batch_size=16,
        num_workers=reading_workers(),
        worker_init_fn=one_thread,
    )
    done = 0
    for number, (blurred, _, moved, *_) in enumerate(from_workers(pictures)):
        near, everywhere = reading.statistics(blurred / 255.0)
        windows = near.flatten(2)
        batch = slice(done, done + len(blurred))
        statistics[batch, 0] = everywhere[:, :, 0, 0]
        statistics[batch, 1] = windows[:, :, number % windows.shape[2]]
        shares[batch] = moved[:, None]
        done = batch.stop
        report("reading spectra", done, len(crops))
    return statistics.flatten(0, 1), shares.flatten(0, 1)
