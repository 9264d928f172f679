from itertools import islice

import numpy as np
import pytest

from benchmarks.publish import run_peer
from benchmarks.publish_peers import OURS, pictures, read_stamp


def test_stamp_tells_time_and_damage() -> None:
    first, second = islice(pictures(), 2)
    (first_ns, whole), (second_ns, _) = read_stamp(first), read_stamp(second)
    assert whole
    assert second_ns > first_ns
    first[300, 500, 1] ^= 1
    assert not read_stamp(first)[1]
    assert not np.shares_memory(first, second)


@pytest.mark.parametrize("peer", [OURS, "imagezmq pub/sub", "imagezmq req/rep"])
def test_peers_run_and_are_measured_alike(peer: str) -> None:
    if peer != OURS:
        pytest.importorskip("imagezmq")
    row = run_peer(peer, 1.5, 60.0)
    assert row["name"] == peer
    assert row["received"] >= 5
    assert row["corrupt"] == 0
    assert row["sender"]["sent"] >= row["received"]
    if peer.endswith("req/rep"):
        assert row["sender"]["dropped"] > 0, "its sender waits for the slow one"
    assert 0 < row["age_ms"]["p50"] <= row["age_ms"]["p95"]
    if peer == OURS:
        assert row["age_ms"]["last"] < 1000
