"""`blur2blur bench blur2blur`: does a translator help, and more than what is simpler than it?

On photographs that no network saw, seen by two cameras whose blur the deblurrer does not know (see
`benchmarks.unknown_domains`), every row of `benchmarks.blur2blur_rows` restores the same pictures.
Gains are paired: of one picture by two rows. Intervals are bootstrapped over scenes, as pictures of
one photograph are alike. The oracle says how much there is to win at all.
"""

import json
import statistics as st
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from benchmarks.blur2blur_cases import Case, make_cases
from benchmarks.blur2blur_data import check_setup, setup, split_scenes
from benchmarks.blur2blur_figures import Measured, protocol_table, summary
from benchmarks.blur2blur_rows import ROWS, Row, load_part, row_folder, row_network
from benchmarks.engine import bare_times_ms
from benchmarks.unknown_domains import DOMAINS, UnknownDomain
from calibration.camera_profile import export_before_deblurrer
from calibration.contact_sheet import contact_sheet, picture_problem, write_picture
from calibration.errors import CalibrationError
from calibration.features import EfficientNetLite0Features, picture_distance
from calibration.measures import psnr_db, shift_psnr_db
from calibration.profile_networks import restored
from engines.engine import EngineShape
from engines.files import first_problem, write_text_atomically
from engines.folders import engine_cache
from engines.profile import load_profile
from engines.selection import choose_engine
from stream.errors import StreamError
from stream.statistics import machine_facts, program_version

_SHEET_COLUMNS = 8
_NEIGHBOURING_ROWS = np.array([[0.25], [0.5], [0.25]])

Picture = NDArray[np.uint8]
Restore = Callable[[Picture], Picture]


@dataclass(frozen=True, kw_only=True)
class ProtocolBenchmark:
    """What is measured.

    Attributes:
        data: folders of sharp photographs; those that the deblurrer saw are for training.
        rows: folder of the trained rows.
        pictures: blurred pictures of each camera, of known blur, and sharp ones.
    """

    data: tuple[Path, ...]
    rows: Path
    deblurrer: str = "balanced"
    pictures: int = 48
    domains: tuple[UnknownDomain, ...] = DOMAINS


def run_protocol_benchmark(
    benchmark: ProtocolBenchmark, json_file: Path | None, sheet: Path | None, console: Console
) -> int:
    """Measure, print tables, write JSON and a contact sheet where asked; returns the exit status.

    Raises:
        StreamError, CalibrationError, ProfileError, EngineError: it cannot be measured here.
    """
    if (problem := files_problem(json_file, sheet)) is not None:
        raise StreamError(problem)
    result, pictures = measure(benchmark, console)
    for name, domain in result["domains"].items():
        console.print(protocol_table(name, domain))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(result, indent=1) + "\n")
    if sheet is not None:
        write_picture(sheet, pictures)
    return 0


def files_problem(json_file: Path | None, sheet: Path | None) -> str | None:
    """What to tell the user, before anything is measured, where these could not be written."""
    return first_problem(json_file) or picture_problem(sheet)


def measure(benchmark: ProtocolBenchmark, console: Console) -> tuple[dict[str, Any], Picture]:
    """All figures, and the contact sheet, uint8 (H, W, 3) RGB."""
    scenes = split_scenes(benchmark.data, benchmark.deblurrer)
    trained = check_setup(benchmark.rows, setup(scenes, benchmark.deblurrer))
    costs = _costs(benchmark)
    features = EfficientNetLite0Features()
    domains: dict[str, Any] = {}
    lines: list[tuple[str, list[Picture]]] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=len(benchmark.domains) * len(ROWS))
        for domain in benchmark.domains:
            cases = make_cases(domain, scenes.test, benchmark.pictures)
            measured = []
            for row in ROWS:
                figures, shown = _measure_row(row, domain, cases, benchmark, features)
                measured.append(figures)
                lines.append((f"{domain.name} {row.name}", shown))
                progress.advance(task)
            lines.append((f"{domain.name} truth", [c.truth for c in cases[:_SHEET_COLUMNS]]))
            domains[domain.name] = {
                "about": domain.about,
                **summary(measured, [c.scene for c in cases]),
            }
    result = {
        "benchmark": "blur2blur",
        "version": program_version(),
        "machine": machine_facts(),
        "deblurrer": trained["deblurrer"],
        "photographs": [path.name for path in scenes.test],
        "pictures": benchmark.pictures,
        "domains": domains,
        "trained": {key: trained[key] for key in ("deblurrer_sha256", "frames", "crops")},
        **costs,
    }
    return result, contact_sheet(lines)


def _measure_row(
    row: Row,
    domain: UnknownDomain,
    cases: list[Case],
    benchmark: ProtocolBenchmark,
    features: EfficientNetLite0Features,
) -> tuple[Measured, list[Picture]]:
    """A row's figures, and the first pictures of its first seed."""
    truths = [case.truth for case in cases]
    given = [case.known if row.name == "oracle" else case.blurred for case in cases]
    seeds: list[list[list[float]]] = []
    shown: list[Picture] = []
    for restore in _restorers(row, domain, benchmark):
        pictures = [restore(picture) for picture in given]
        shown = shown or pictures[:_SHEET_COLUMNS]
        seeds.append(
            [
                list(map(psnr_db, pictures, truths)),
                list(map(shift_psnr_db, pictures, truths)),
                [picture_distance(p, t, features) for p, t in zip(pictures, truths, strict=True)],
                [psnr_db(restore(case.known), case.truth) for case in cases],
                [psnr_db(restore(truth), truth) for truth in truths],
            ]
        )
    psnr, shifted, distances, known, sharp = np.array(seeds).transpose(1, 0, 2)
    measured = Measured(
        row=row,
        psnr_db=psnr,
        shift_psnr_db=shifted,
        feature_distance=distances,
        known_psnr_db=known,
        sharp_psnr_db=sharp,
    )
    return measured, shown


def _restorers(row: Row, domain: UnknownDomain, benchmark: ProtocolBenchmark) -> list[Restore]:
    """What restores a picture, one for each seed.

    Raises:
        CalibrationError: the row was not trained.
    """
    if row.name == "input":
        return [lambda picture: picture]
    found: list[Restore] = []
    for seed in row.seeds:
        folder = row_folder(benchmark.rows, domain.name, row, seed)
        if row.trains and not folder.is_dir():
            raise CalibrationError(
                f"{folder} is not there: the row {row.name} was not trained; "
                "`blur2blur bench blur2blur --train` does that"
            )
        once = partial(restored, row_network(row, folder, benchmark.deblurrer))
        way = _WAYS.get(row.name)
        found.append(partial(way, once) if way is not None else once)
    return found


def _repeated(restore: Restore, picture: Picture) -> Picture:
    return restore(restore(picture))


def _rows_averaged(restore: Restore, picture: Picture) -> Picture:
    return restore(np.asarray(cv2.filter2D(picture, -1, _NEIGHBOURING_ROWS), np.uint8))


_WAYS = {"twice": _repeated, "rows-averaged": _rows_averaged}


def _costs(benchmark: ProtocolBenchmark) -> dict[str, Any]:
    """Milliseconds at 640x480 of the deblurrer alone and with a translator before it, in turns."""
    profile = load_profile(benchmark.deblurrer)
    row = next(row for row in ROWS if row.name == "blur2blur")
    folder = row_folder(benchmark.rows, benchmark.domains[0].name, row, row.seeds[0])
    translator, card = load_part(folder, "translator")
    with tempfile.TemporaryDirectory() as place:
        both = Path(place) / "both"
        export_before_deblurrer(
            both,
            name="both",
            translator=card["specification"],
            weights=translator.state_dict(),
            deblurrer=profile,
            card={},
        )
        shape = EngineShape(height=480, width=640)
        engines = [
            choose_engine(p, shape, cache=cache).engine
            for p, cache in ((profile, engine_cache()), (load_profile(str(both)), None))
        ]
        rounds = [
            [st.median(bare_times_ms(e, 10, within_s=1.0)) for e in engines] for _ in range(5)
        ]
    alone_ms, both_ms = (st.median(r[i] for r in rounds) for i in range(2))
    return {
        "deblurrer_ms": round(alone_ms, 2),
        "cascade_ms": round(both_ms, 2),
        "translator_share_of_deblurrer_ms": round(st.median(b / a - 1 for a, b in rounds), 3),
    }
