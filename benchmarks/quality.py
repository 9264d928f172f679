"""`blur2blur bench quality`: how good the pictures are, by measures that disagree on purpose.

Seeded blur over photographs that no compared network was trained on. Beside the shipped networks
stand an unsharp mask, which is what image editors offer, and Wiener's filter with the true kernel,
which no real camera tells: what could be had if the blur were known. So, too, for networks that
look for motion: ``known_told`` is what they do when they are told it.
"""

import json
import statistics as st
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.figure_files import chart_problem
from benchmarks.pareto import Choice, draw_front
from benchmarks.quality_cases import (
    CROP_PX,
    SEED,
    Cases,
    KnownCase,
    Picture,
    inner,
    make_cases,
    unseen_photographs,
)
from benchmarks.quality_figures import known_figures, moving_figures
from benchmarks.quality_methods import Method, classical_methods, network_method
from calibration.contact_sheet import contact_sheet, picture_problem, write_picture
from calibration.features import EfficientNetLite0Features
from calibration.known_blur import KnownBlur
from calibration.measures import psnr_db
from calibration.object_motion import MovingObject
from calibration.pairs import BlurredCrops, PairRecipe
from engines.files import first_problem, write_text_atomically
from engines.folders import engine_cache
from engines.pool import EnginePool
from engines.profile import DEFAULT_PROFILE, Profile, load_profile, profile_names
from stream.blur import BLUR_GATE
from stream.deblurring import Deblurring
from stream.errors import StreamError
from stream.frame import Frame
from stream.statistics import machine_facts, program_version

SIZES = ("fast", "balanced", "quality")
COMPARED = Path(__file__).parent / "networks"
"""Profiles of networks that do not ship and stand beside those that do, in a checkout only."""
_SHEET_PICTURES = 4


@dataclass(frozen=True, kw_only=True)
class QualityBenchmark:
    """What is measured.

    Attributes:
        data: folders of photographs; those that come with scikit-image if empty.
        profiles: what to measure; if empty, all that ships and what it is compared with.
        known, moving, sharp, gate: how many pictures of each kind; of moving objects as many
            textured as even ones.
    """

    data: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ()
    known: int = 48
    moving: int = 24
    sharp: int = 24
    gate: int = 80


def run_quality_benchmark(
    benchmark: QualityBenchmark,
    console: Console,
    *,
    json_file: Path | None = None,
    sheet: Path | None = None,
    chart: Path | None = None,
) -> int:
    """Measure, print a table, and write what is asked for; returns the exit status.

    Args:
        json_file: all figures.
        sheet: a contact sheet.
        chart: gain over time.

    Raises:
        StreamError, EngineError, ProfileError, CalibrationError: nothing can be measured here.
    """
    problem = first_problem(json_file) or picture_problem(sheet) or chart_problem(chart)
    if problem is not None:
        raise StreamError(problem)
    result, pictures = measure(benchmark, console)
    console.print(_table(result))
    gate = result["gate"]
    console.print(
        f"--deblur auto with {gate['profile']} leaves {gate['sharp_untouched_share']:.0%} of sharp "
        f"pictures untouched, and takes {gate['blurred_deblurred_share']:.0%} of those with shake "
        "of 10 px and more"
    )
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
    if sheet is not None:
        write_picture(sheet, pictures)
    if chart is not None:
        draw_front(_choices(result["rows"]), chart)
    return 0


def measure(benchmark: QualityBenchmark, console: Console) -> tuple[dict[str, Any], Picture]:
    """All figures, and the contact sheet, uint8 (H, W, 3) RGB."""
    profiles = measured_profiles(benchmark.profiles)
    photographs, names = unseen_photographs(benchmark.data, profiles.values())
    cases = make_cases(photographs, benchmark.known, benchmark.moving, benchmark.sharp)
    features = EfficientNetLite0Features()
    rows: list[dict[str, Any]] = []
    restored: dict[str, list[Picture]] = {}
    methods = [
        *(network_method(profile, name) for name, profile in profiles.items()),
        *classical_methods(),
    ]
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=len(methods))
        for method in methods:
            row, pictures = _measure_method(method, cases, features)
            rows.append(row)
            restored[method.name] = pictures
            progress.advance(task)
    result = {
        "benchmark": "quality",
        "version": program_version(),
        "machine": machine_facts(),
        "photographs": names,
        "pictures": {
            "known": benchmark.known,
            "moving": benchmark.moving,
            "sharp": benchmark.sharp,
        },
        "rows": rows,
        "gate": _gate(profiles, photographs, benchmark.gate),
    }
    return result, _contact_sheet(cases, restored)


def measured_profiles(wanted: tuple[str, ...]) -> dict[str, Profile]:
    """By the names of their rows: these, or what ships and what it is compared with.

    Folders of the same name are told apart by their paths.
    """
    if wanted:
        short = Counter(Path(name).name for name in wanted)
        return {
            Path(name).name if short[Path(name).name] == 1 else name: load_profile(name)
            for name in dict.fromkeys(wanted)
        }
    shipped = {name: load_profile(name) for name in SIZES if name in profile_names()}
    compared = (card.parent for card in sorted(COMPARED.glob("*/profile.json")))
    return shipped | {folder.name: load_profile(str(folder)) for folder in compared}


def _measure_method(
    method: Method, cases: Cases, features: EfficientNetLite0Features
) -> tuple[dict[str, Any], list[Picture]]:
    shaken = [method.restore(case.blurred, case.kernel) for case in cases.known]
    row: dict[str, Any] = {
        "name": method.name,
        "params": method.params,
        "precision": method.precision,
        "gmacs": method.gmacs,
        "engine_ms": method.engine_ms,
        "known": known_figures(shaken, cases.known, features),
    }
    if method.restore_told is not None:
        told = [method.restore_told(case.blurred, case.displacements) for case in cases.known]
        row["known_told"] = known_figures(told, cases.known, features)
    pictures = shaken[:_SHEET_PICTURES]
    if method.name != "wiener":  # it has no kernel for these
        scenes = [method.restore(case.blurred, None) for case in cases.moving]
        row["object_motion"] = moving_figures(scenes, cases.moving, features)
        surfaces = [method.restore(case.blurred, None) for case in cases.even]
        row["even_motion"] = moving_figures(surfaces, cases.even, features)
        still = [psnr_db(method.restore(sharp, None), sharp) for sharp in cases.sharp]
        row["sharp_psnr_db"] = round(st.mean(still), 3)
        pictures += scenes[:_SHEET_PICTURES] + surfaces[:_SHEET_PICTURES]
    return row, pictures


def _gate(
    profiles: Mapping[str, Profile], photographs: list[Picture], count: int
) -> dict[str, Any]:
    """What `--deblur auto` does with sharp pictures, and with shake of 10 px and more.

    It does so with the profile that `live` takes by itself, or else the first of those measured.
    """
    name = DEFAULT_PROFILE if DEFAULT_PROFILE in profiles else next(iter(profiles))
    known = replace(KnownBlur(), min_extent_px=10.0)
    recipe = PairRecipe(known=known, crop_px=CROP_PX)
    crops = BlurredCrops(photographs, recipe, SEED, 0)
    pool = EnginePool(profiles[name], cache=engine_cache())
    left, taken = [], []
    for number in range(count):
        random = np.random.default_rng((SEED, 4, number))
        window = crops.window(known.margin_px, random)
        sharp = np.ascontiguousarray(inner(window, known.margin_px))
        left.append(_is_left(sharp, pool))
        taken.append(not _is_left(known.apply(window, random), pool))
    return {
        "profile": name,
        "sharp_untouched_share": round(float(np.mean(left)), 4),
        "blurred_deblurred_share": round(float(np.mean(taken)), 4),
    }


def _is_left(picture: Picture, pool: EnginePool) -> bool:
    """Whether `auto` shows the picture as it is, once it has seen it for some frames."""
    deblurring = Deblurring(lambda: pool, "auto")
    frame = Frame(
        pixels=picture, source="picture", sequence=0, pts_s=0.0, captured_ns=0, posted_ns=0
    )
    seen = [deblurring.process([frame])[0].bypassed for _ in range(BLUR_GATE.patience + 1)]
    return seen[-1]


def _contact_sheet(cases: Cases, restored: Mapping[str, list[Picture]]) -> Picture:
    """A column a picture; rows: blurred, each method, truth."""
    shown: list[KnownCase | MovingObject] = [
        *cases.known[:_SHEET_PICTURES],
        *cases.moving[:_SHEET_PICTURES],
        *cases.even[:_SHEET_PICTURES],
    ]
    blurred, truth = [case.blurred for case in shown], [case.sharp for case in shown]
    return contact_sheet([("blurred", blurred), *restored.items(), ("truth", truth)])


def _choices(rows: list[dict[str, Any]]) -> list[Choice]:
    """The networks among them."""
    return [
        Choice(row["name"], row["engine_ms"], row["known"]["psnr_gain_db"])
        for row in rows
        if row["engine_ms"] is not None
    ]


def _table(result: dict[str, Any]) -> Table:
    """Gains and PSNR in dB, without saying so in each cell: it is to fit into 80 columns."""
    table = Table(
        title="quality: PSNR gains in dB on known blur (told: by networks that are told the "
        "motion; shift: where a shift is allowed), with a moving object and with one as even as "
        "skin; PSNR to the input where nothing moved, and of sharp pictures",
        box=box.SIMPLE,
        padding=0,
    )
    table.add_column("", no_wrap=True)
    known_headings = ("ms", "gain", "told", "shift", "feat. %", "impr. %")
    for heading in (*known_headings, "moving", "still", "even", "sharp"):
        table.add_column(heading, justify="right")
    for row in result["rows"]:
        known, moving, even = row["known"], row.get("object_motion"), row.get("even_motion")
        told = row.get("known_told")
        change = known["feature_distance"] / known["feature_distance_input"] - 1
        table.add_row(
            row["name"],
            "" if row["engine_ms"] is None else f"{row['engine_ms']:.1f}",
            f"{known['psnr_gain_db']:+.2f}",
            "" if told is None else f"{told['psnr_gain_db']:+.2f}",
            f"{known['psnr_shift_gain_db']:+.2f}",
            f"{100 * change:+.1f}",
            f"{100 * known['share_improved']:.0f}",
            "" if moving is None else f"{moving['psnr_gain_db']:+.2f}",
            "" if moving is None else f"{moving['background_psnr_db']:.1f}",
            "" if even is None else f"{even['psnr_gain_db']:+.2f}",
            "" if moving is None else f"{row['sharp_psnr_db']:.1f}",
        )
    return table
