"""`blur2blur bench quality`: how good the pictures are, by measures that disagree on purpose.

Seeded blur over photographs that no compared network was trained on. Beside the shipped networks
stand an unsharp mask, which is what image editors offer, and Wiener's filter with the true kernel,
which no real camera tells: what could be had if the blur were known.
"""

import json
import statistics as st
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

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
from benchmarks.quality_methods import Method, classical_methods, network_method
from calibration.contact_sheet import contact_sheet, write_picture
from calibration.features import (
    EfficientNetLite0Features,
    distance_map,
    picture_distance,
    picture_tensor,
)
from calibration.known_blur import KnownBlur
from calibration.measures import gmsd, psnr_db, shift_psnr_db, ssim
from calibration.object_motion import MovingObject
from calibration.pairs import BlurredCrops, PairRecipe
from engines.files import folder_problem, write_text_atomically
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
_SHEET_PICTURES = 6
_STILL = 0.02
"""Share of the exposure below which a pixel counts as background."""


@dataclass(frozen=True, kw_only=True)
class QualityBenchmark:
    """What is measured.

    Attributes:
        data: folders of photographs; those that come with scikit-image if empty.
        profiles: what to measure; if empty, all that ships and what it is compared with.
        known, moving, sharp, gate: how many pictures of each kind.
    """

    data: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ()
    known: int = 48
    moving: int = 24
    sharp: int = 24
    gate: int = 80


def run_quality_benchmark(
    benchmark: QualityBenchmark, json_file: Path | None, sheet: Path | None, console: Console
) -> int:
    """Measure, print a table, write JSON and a contact sheet where asked; returns the exit status.

    Raises:
        StreamError, EngineError, ProfileError, CalibrationError: nothing can be measured here.
    """
    for file in (json_file, sheet):
        if file is not None and (problem := folder_problem(file)) is not None:
            raise StreamError(problem)
    result, pictures = measure(benchmark, console)
    console.print(_table(result))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
    if sheet is not None:
        write_picture(sheet, pictures)
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
        "gate": _gate(photographs, benchmark.gate),
    }
    return result, _contact_sheet(cases, restored)


def measured_profiles(wanted: tuple[str, ...]) -> dict[str, Profile]:
    """By the names of their rows: these, or what ships and what it is compared with."""
    if wanted:
        return {Path(name).name: load_profile(name) for name in wanted}
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
        "gmacs": method.gmacs,
        "engine_ms": method.engine_ms,
        "known": _known_figures(shaken, cases.known, features),
    }
    pictures = shaken[:_SHEET_PICTURES]
    if method.name != "wiener":  # it has no kernel for these
        scenes = [method.restore(case.blurred, None) for case in cases.moving]
        row["object_motion"] = _moving_figures(scenes, cases.moving, features)
        still = [psnr_db(method.restore(sharp, None), sharp) for sharp in cases.sharp]
        row["sharp_psnr_db"] = round(st.mean(still), 3)
        pictures += scenes[:_SHEET_PICTURES]
    return row, pictures


def _known_figures(
    restored: list[Picture], cases: list[KnownCase], features: EfficientNetLite0Features
) -> dict[str, Any]:
    blurred, sharp = [case.blurred for case in cases], [case.sharp for case in cases]
    before = [psnr_db(b, s) for b, s in zip(blurred, sharp, strict=True)]
    after = [psnr_db(r, s) for r, s in zip(restored, sharp, strict=True)]
    gains = np.subtract(after, before)
    shift_gains = [
        shift_psnr_db(r, s) - shift_psnr_db(b, s)
        for r, b, s in zip(restored, blurred, sharp, strict=True)
    ]
    order = np.argsort([case.extent_px for case in cases])
    return {
        "psnr_gain_db": round(float(gains.mean()), 3),
        "psnr_shift_gain_db": round(st.mean(shift_gains), 3),
        "psnr_db": round(st.mean(after), 3),
        "psnr_input_db": round(st.mean(before), 3),
        "ssim": round(st.mean(map(ssim, restored, sharp)), 4),
        "ssim_input": round(st.mean(map(ssim, blurred, sharp)), 4),
        "gmsd": round(st.mean(map(gmsd, restored, sharp)), 4),
        "gmsd_input": round(st.mean(map(gmsd, blurred, sharp)), 4),
        "feature_distance": round(_feature_distance(restored, sharp, features), 4),
        "feature_distance_input": round(_feature_distance(blurred, sharp, features), 4),
        "share_improved": round(float((gains > 0).mean()), 4),
        "terciles": [
            {
                "extent_px": [
                    round(cases[part[0]].extent_px, 1),
                    round(cases[part[-1]].extent_px, 1),
                ],
                "psnr_gain_db": round(float(gains[part].mean()), 3),
            }
            for part in np.array_split(order, 3)
            if len(part)
        ],
    }


def _moving_figures(
    restored: list[Picture], cases: list[MovingObject], features: EfficientNetLite0Features
) -> dict[str, Any]:
    gains, moving_gains, background, distances, input_distances = [], [], [], [], []
    for picture, case in zip(restored, cases, strict=True):
        moves, still = case.presence > _STILL, case.presence <= _STILL
        gains.append(psnr_db(picture, case.sharp) - psnr_db(case.blurred, case.sharp))
        moving_gains.append(
            psnr_db(picture[moves], case.sharp[moves])
            - psnr_db(case.blurred[moves], case.sharp[moves])
        )
        background.append(psnr_db(picture[still], case.blurred[still]))
        distances.append(_distance_inside(picture, case.sharp, moves, features))
        input_distances.append(_distance_inside(case.blurred, case.sharp, moves, features))
    return {
        "psnr_gain_db": round(st.mean(gains), 3),
        "psnr_gain_moving_region_db": round(st.mean(moving_gains), 3),
        "background_psnr_db": round(st.mean(background), 3),
        "feature_distance": round(st.mean(distances), 4),
        "feature_distance_input": round(st.mean(input_distances), 4),
        "share_improved": round(float(np.mean(np.array(gains) > 0)), 4),
    }


def _feature_distance(
    pictures: list[Picture], truths: list[Picture], features: EfficientNetLite0Features
) -> float:
    distances = [picture_distance(p, t, features) for p, t in zip(pictures, truths, strict=True)]
    return st.mean(distances)


@torch.inference_mode()
def _distance_inside(
    picture: Picture,
    truth: Picture,
    inside: NDArray[np.bool_],
    features: EfficientNetLite0Features,
) -> float:
    """Feature distance over the places of each tap that see the region."""
    total = 0.0
    for a, b in zip(
        features(picture_tensor(picture)), features(picture_tensor(truth)), strict=True
    ):
        places = distance_map(a, b)[0].numpy()
        size = (places.shape[1], places.shape[0])
        seen = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        total += float(places[seen].mean())
    return total


def _gate(photographs: list[Picture], count: int) -> dict[str, float]:
    """What `--deblur auto` does with sharp pictures, and with shake of 10 px and more."""
    known = replace(KnownBlur(), min_extent_px=10.0)
    recipe = PairRecipe(known=known, crop_px=CROP_PX)
    crops = BlurredCrops(photographs, recipe, SEED, 0)
    pool = EnginePool(load_profile(DEFAULT_PROFILE), cache=engine_cache())
    left, taken = [], []
    for number in range(count):
        random = np.random.default_rng((SEED, 4, number))
        window = crops.window(known.margin_px, random)
        sharp = np.ascontiguousarray(inner(window, known.margin_px))
        left.append(_is_left(sharp, pool))
        taken.append(not _is_left(known.apply(window, random), pool))
    return {
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
    ]
    blurred, truth = [case.blurred for case in shown], [case.sharp for case in shown]
    return contact_sheet([("blurred", blurred), *restored.items(), ("truth", truth)])


def _table(result: dict[str, Any]) -> Table:
    table = Table(title="quality: known blur, then a moving object, then a sharp picture")
    headings = ("", "ms", "PSNR gain", "shift gain", "features", "improved")
    for heading in (*headings, "PSNR gain", "background", "sharp"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in result["rows"]:
        known, moving = row["known"], row.get("object_motion")
        change = known["feature_distance"] / known["feature_distance_input"] - 1
        table.add_row(
            row["name"],
            "" if row["engine_ms"] is None else f"{row['engine_ms']:.1f}",
            f"{known['psnr_gain_db']:+.2f} dB",
            f"{known['psnr_shift_gain_db']:+.2f} dB",
            f"{100 * change:+.1f} %",
            f"{100 * known['share_improved']:.0f} %",
            "" if moving is None else f"{moving['psnr_gain_db']:+.2f} dB",
            "" if moving is None else f"{moving['background_psnr_db']:.1f} dB",
            "" if moving is None else f"{row['sharp_psnr_db']:.1f} dB",
        )
    return table
