"""What tests of publishing have in common."""

import socket
import time

import pytest

from engines.engine import EngineFacts, EngineShape
from stream.frame import Frame, ProcessedFrame
from stream.output.publisher import Publisher
from stream.subscription import Subscription
from tests.conftest import picture

FACTS = EngineFacts(
    backend="openvino",
    device="CPU (a processor)",
    precision="bf16",
    profile="balanced",
    shape=EngineShape(height=96, width=160),
)


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")


def processed(number: int, source: str = "camera") -> ProcessedFrame:
    pixels = picture(number)
    now = time.perf_counter_ns()
    frame = Frame(
        pixels=pixels,
        source=source,
        sequence=number,
        pts_s=number / 30,
        captured_ns=now,
        posted_ns=now,
    )
    return ProcessedFrame(
        captured=frame,
        pixels=pixels,
        bypassed=False,
        blur=0.5,
        taken_ns=now,
        finished_ns=now,
        engine=FACTS,
    )


def first_frame(publisher: Publisher, subscription: Subscription) -> None:
    """Publish until the subscription has arrived at the publisher."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        publisher.write(processed(0))
        if subscription.next_frame(0.02) is not None:
            while subscription.next_frame(0.1) is not None:
                pass
            return
    raise AssertionError("nothing came")
