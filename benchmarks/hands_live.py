"""What hand tracking costs the picture: a clip played like a camera, with it and without."""

import statistics as st
import tempfile
from dataclasses import replace
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks.hand_cases import read_frames
from benchmarks.runs import run_whole
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import load_profile
from stream.capture import SourceOptions, open_source
from stream.capture.source import Size
from stream.deblurring import Deblurring
from stream.hands.tracking import HandSettings
from stream.output.null import Null
from stream.pipeline import Pipeline
from stream.statistics import statistics

_FPS = 30
_SECONDS = 10
_ROUNDS = 3


def live_figures(clips: list[Path], profile: str, settings: HandSettings) -> list[dict[str, Any]]:
    """Rows: medians over three rounds; each round plays every way once.

    Raises:
        StreamError: a clip cannot be read, or a run fails.
    """
    ways: dict[str, HandSettings | None] = {
        "without hands": None,
        "--hands": settings,
        "--hands --max-hands 1": replace(settings, max_hands=1),
        "--hands both": replace(settings, on="both"),
        "--hands --hand-region": replace(settings, region=True),
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "joined.mkv"
        size = join_clips(clips, clip)
        for _ in range(_ROUNDS):
            for name, hands in ways.items():
                runs[name].append(_run(clip, profile, hands))
    return [
        {"name": name, "size": str(size), **_medians(results)} for name, results in runs.items()
    ]


def join_clips(clips: list[Path], path: Path) -> Size:
    """Ten seconds of the clips that are as large as the first, one after the other; their size."""
    pictures = chain.from_iterable(map(read_frames, clips))
    first = next(pictures)
    height, width = (side - side % 2 for side in first.shape[:2])  # which H.264 takes
    alike = (picture for picture in chain([first], pictures) if picture.shape == first.shape)
    with av.open(str(path), "w") as container:
        options = {"crf": "18", "preset": "veryfast"}
        stream = container.add_stream("libx264", rate=_FPS, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for number, picture in enumerate(islice(alike, _FPS * _SECONDS)):
            pixels = np.ascontiguousarray(picture[:height, :width])
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, _FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Size(width, height)


def _run(clip: Path, profile: str, hands: HandSettings | None) -> dict[str, Any]:
    pool = EnginePool(load_profile(profile), cache=engine_cache())
    pipeline = Pipeline(
        [open_source(str(clip), SourceOptions(realtime=True))],
        [Null()],
        Deblurring(lambda: pool, "on"),
        hands=hands,
    )
    run_whole(pipeline)
    return statistics(pipeline)


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    def median(*keys: str) -> float | None:
        values = []
        for run in runs:
            value: Any = run
            for key in keys:
                value = value[key] if value is not None else None
            values.append(value)
        return None if None in values else float(round(st.median(values), 2))

    return {
        "fps_output": median("fps_output"),
        "age_p50_ms": median("latency_ms", "age", "p50"),
        "age_p95_ms": median("latency_ms", "age", "p95"),
        "engine_p50_ms": median("latency_ms", "engine", "p50"),
        "tracked_share": _share(runs),
        "behind_p50_ms": median("hands", "behind_ms", "p50"),
        "behind_p95_ms": median("hands", "behind_ms", "p95"),
    }


def _share(runs: list[dict[str, Any]]) -> float | None:
    """Of the frames that were shown, how many the tracker looked at."""
    if runs[0]["hands"] is None:
        return None
    shares: list[float] = [run["hands"]["frames"] / run["frames_output"] for run in runs]
    return float(round(st.median(shares), 3))
