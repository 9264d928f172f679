import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks.memory import growth_mib, rss_mib
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


def test_memory_that_is_not_known_is_not_called_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rss_mib()
    if before is not None:
        taken = np.ones(64 << 20, np.uint8)  # more than lies about from other tests
        growth = growth_mib(before)
        assert growth is not None
        assert growth > 32, len(taken)
    assert growth_mib(None) is None
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    assert growth_mib(before) is None


def test_pages_are_of_the_systems_size(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rss_mib()
    if before is None:
        pytest.skip("this system does not tell")
    pages = before / os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 65_536}.__getitem__)
    assert rss_mib() == pytest.approx(65_536 * pages, rel=0.1)


@pytest.mark.parametrize("peer", [OURS, "imagezmq pub/sub", "imagezmq req/rep"])
def test_peers_run_and_are_measured_alike(peer: str) -> None:
    if peer != OURS:
        pytest.importorskip("imagezmq")
    row = run_peer(peer, 1.5, 60.0)
    assert row["name"] == peer
    assert row["received"] >= 5
    assert row["corrupt"] == 0
    if row["sender"] is not None:  # on Windows it cannot tell
        assert row["sender"]["sent"] >= row["received"]
        if peer.endswith("req/rep"):
            assert row["sender"]["dropped"] > 0, "its sender waits for the slow one"
    assert 0 < row["age_ms"]["p50"] <= row["age_ms"]["p95"]
    if peer == OURS:
        assert row["age_ms"]["last"] < 1000
