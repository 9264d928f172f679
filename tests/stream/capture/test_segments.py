"""Live streams in segments of seconds (HLS): played at their own rate, near their newest."""

import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from statistics import median

import av
import pytest

from stream.capture import open_source
from stream.capture.clock import SegmentClock
from stream.capture.source import SourceState
from stream.capture.synthetic import read_number
from stream.frame import Frame
from tests.conftest import picture
from tests.stream.capture.test_network import wait_for
from tests.stream.capture.test_web_address import serving
from tests.stream.capture.workers import capture_worker

FPS, SEGMENT_S, LISTED = 25, 2, 4


class LiveHls(SimpleHTTPRequestHandler):
    """Lists the last segments that are filmed by now; four were when it began."""

    began_s = 0.0

    def do_GET(self) -> None:
        if self.path == "/live.m3u8":
            filmed = LISTED + int(time.monotonic() - self.began_s) // SEGMENT_S
            first = filmed - LISTED
            lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{SEGMENT_S}"]
            lines += [f"#EXT-X-MEDIA-SEQUENCE:{first}"]
            lines += [f"#EXTINF:{SEGMENT_S},\nall{n}.ts" for n in range(first, filmed)]
            Path(self.directory, "live.m3u8").write_text("\n".join([*lines, ""]))
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def film(folder: Path, segments: int) -> None:
    """Numbered pictures in as many segments."""
    muxing = {"hls_time": str(SEGMENT_S), "hls_list_size": "0"}
    with av.open(str(folder / "all.m3u8"), "w", format="hls", options=muxing) as container:
        coding = {"g": str(FPS * SEGMENT_S), "bf": "0", "preset": "ultrafast", "sc_threshold": "0"}
        video = container.add_stream("libx264", rate=FPS, options=coding)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        for number in range(FPS * SEGMENT_S * segments):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(video.encode(None))


def test_live_hls_plays_at_its_own_rate_from_the_newest_segment_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With segments that last longer than another stream may be silent."""
    monkeypatch.setattr("stream.capture.network.READ_TIMEOUT_S", 1.0)
    film(tmp_path, 10)
    came: list[tuple[float, int]] = []
    said: list[str] = []

    def deliver(frame: Frame) -> None:
        came.append((time.monotonic(), read_number(frame.pixels)))

    with serving(partial(LiveHls, directory=str(tmp_path))) as address:
        worker = capture_worker(
            open_source(f"{address}/live.m3u8"),
            deliver=deliver,
            say=said.append,
        )
        LiveHls.began_s = time.monotonic()
        worker.start()
        wait_for(lambda: worker.status.over or len(came) >= 3 * FPS * SEGMENT_S, 20)
        assert worker.status.state is SourceState.LIVE
        worker.stop()
        assert worker.join(10)
    numbers = [number for _, number in came]
    first = (LISTED - 1) * SEGMENT_S * FPS
    assert numbers == list(range(first, first + len(numbers)))
    steps_s = [b - a for (a, _), (b, _) in pairwise(came)]
    assert median(steps_s) == pytest.approx(1 / FPS, rel=0.2)
    assert max(steps_s) < 1.5
    assert said == []


class SimulatedTime:
    """Stands in for the module ``time``."""

    def __init__(self) -> None:
        self.now_ns = 0

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def delays_s(
    monkeypatch: pytest.MonkeyPatch,
    segments: int,
    published_s: Callable[[int], float],
    rate: float = 1.0,
) -> list[float]:
    """From filming, at a rate of real seconds a second of the sender's clock, to the time of
    capture: of each picture of segments that are published then."""
    simulated = SimulatedTime()
    monkeypatch.setattr("stream.capture.clock.time", simulated)
    clock = SegmentClock()
    delays = []
    for number in range(segments * SEGMENT_S * FPS):
        pts_s = number / FPS
        there_ns = round(published_s(number // (SEGMENT_S * FPS)) * 1e9)
        simulated.now_ns = max(simulated.now_ns, there_ns)
        clock.packet(pts_s, pts_s)
        captured_ns = clock.captured_ns(pts_s)
        assert there_ns <= captured_ns <= simulated.now_ns
        delays.append(captured_ns / 1e9 - rate * pts_s)
    return delays


def test_segments_that_come_in_time_play_without_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    delays = delays_s(monkeypatch, 4, lambda n: SEGMENT_S * (n + 1.0))
    assert delays == pytest.approx([SEGMENT_S] * len(delays), abs=1e-6)


def test_delay_by_an_outage_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def published_s(segment: int) -> float:
        return SEGMENT_S * max(segment + 1.0, 12.0 if segment > 5 else 0.0)

    delays = delays_s(monkeypatch, 100, published_s)
    per_segment = SEGMENT_S * FPS
    assert delays[6 * per_segment] == pytest.approx(6 * SEGMENT_S)
    assert max(delays[-10 * per_segment :]) < 1.5 * SEGMENT_S


@pytest.mark.parametrize("rate", [0.99, 1.01])
def test_clock_of_another_rate_does_not_make_the_delay_grow(
    monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    """Ten minutes on a sender's clock that is slow, or fast, by more than any is."""
    delays = delays_s(monkeypatch, 300, lambda n: rate * SEGMENT_S * (n + 1.0), rate)
    assert max(delays[SEGMENT_S * FPS :]) < 1.5 * SEGMENT_S
