"""Noise and mutated messages at a real subscriber; ``BLUR2BLUR_FUZZ=1000000`` sends a million."""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import zmq

from benchmarks.memory import growth_mib, rss_mib
from stream.subscription import Subscription, subscribe
from stream.wire import VERSION, Header, encoded, pack
from tests.conftest import picture

COUNT = int(os.environ.get("BLUR2BLUR_FUZZ", "20000"))
BURST = 500


def good(number: int) -> list[bytes]:
    header = Header(
        version=VERSION,
        source="camera",
        sequence=number,
        width=160,
        height=96,
        dtype="uint8",
        encoding="raw" if number % 2 else "jpeg",
        pts_s=0.0,
        captured_ns=1,
        engine_ns=1,
        published_ns=1,
        wall_ns=1,
        clock="",
        bypassed=True,
    )
    return [bytes(part) for part in pack(header, encoded(picture(number), header.encoding))]


def mutated(random: np.random.Generator, message: list[bytes]) -> list[bytes]:
    """Noise, or a message with bytes changed, cut, doubled, or parts moved about."""
    kind = random.integers(6)
    parts = list(message)
    if kind == 0:
        return [random.bytes(random.integers(0, 200)) for _ in range(random.integers(1, 6))]
    if kind == 1:
        return [parts[i] for i in random.integers(0, 3, random.integers(1, 6))]
    at = random.integers(3)
    part = bytearray(parts[at])
    if kind == 2:
        part = part[: random.integers(len(part) + 1)]
    elif kind == 3:
        part += random.bytes(random.integers(1, 50))
    else:
        for place in random.integers(0, len(part), random.integers(1, 5)):
            part[place] = random.integers(256)
    parts[at] = bytes(part)
    return parts


def counted(subscription: Subscription) -> int:
    return subscription.counts.received + subscription.counts.malformed


@dataclass(frozen=True)
class Outcome:
    """What a subscriber made of hostile messages."""

    sent: int
    counted: int
    malformed: int
    grown_mib: float | None
    shown_afterwards: bool


def bombard(count: int) -> Outcome:
    random = np.random.default_rng(0)
    context = zmq.Context()
    hostile = context.socket(zmq.PUB)
    hostile.setsockopt(zmq.SNDHWM, 0)
    port = hostile.bind_to_random_port("tcp://127.0.0.1")
    messages = [good(number) for number in range(8)]
    with subscribe(f"tcp://127.0.0.1:{port}") as frames:
        deadline = time.monotonic() + 10
        while not counted(frames) and time.monotonic() < deadline:
            hostile.send_multipart([b"x"])
            time.sleep(0.02)
        time.sleep(0.2)
        before, sent, memory = counted(frames), 0, None
        while sent < count and counted(frames) - before == sent:
            for _ in range(BURST):
                hostile.send_multipart(mutated(random, messages[random.integers(8)]))
            sent += BURST
            deadline = time.monotonic() + 30
            while counted(frames) - before < sent and time.monotonic() < deadline:
                time.sleep(0.001)
            if sent == 10 * BURST:
                memory = rss_mib()
        counts, grown_mib = counted(frames) - before, growth_mib(memory)
        malformed = frames.counts.malformed
        while frames.next_frame(0.05) is not None:
            pass
        hostile.send_multipart(good(1))
        received = frames.next_frame(5)
        shown = received is not None and np.array_equal(received.pixels, picture(1))
    hostile.close(linger=0)
    context.term()
    return Outcome(sent, counts, malformed, grown_mib, shown)


def test_every_hostile_message_is_counted_and_none_does_harm() -> None:
    """In a process of its own, whose memory nothing else uses."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        outcome = fresh.submit(bombard, COUNT).result()
    assert outcome.counted == outcome.sent >= COUNT
    assert outcome.malformed > 0.5 * COUNT
    assert outcome.grown_mib is None or outcome.grown_mib < 10
    assert outcome.shown_afterwards
