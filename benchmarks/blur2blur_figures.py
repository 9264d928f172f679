"""What the protocol's measurements say: gains and their intervals, gaps, and the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.blur2blur_rows import Row

_RESAMPLES = 10_000

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """A row's figures, each (seeds, pictures).

    Attributes:
        psnr_db, shift_psnr_db, feature_distance: to the truth, of the camera's own blur.
        known_psnr_db: to the truth, of known blur.
        sharp_psnr_db: to the picture itself, of sharp ones.
    """

    row: Row
    psnr_db: Figures
    shift_psnr_db: Figures
    feature_distance: Figures
    known_psnr_db: Figures
    sharp_psnr_db: Figures

    @property
    def of_each_picture_db(self) -> Figures:
        """PSNR, (pictures,): the mean over the seeds."""
        mean: Figures = self.psnr_db.mean(axis=0)
        return mean


def summary(measured: Sequence[Measured], scenes: list[str]) -> dict[str, Any]:
    """What one reads first, and then every row, as plain JSON values.

    Args:
        scenes: the photograph of each picture.
    """
    by_name = {one.row.name: one for one in measured}
    given, alone = by_name["input"], by_name["deblur"]

    def gain_db(name: str) -> float:
        """Over deblur(x)."""
        return float((by_name[name].of_each_picture_db - alone.of_each_picture_db).mean())

    method = by_name["blur2blur"].of_each_picture_db
    controls = [one.row.name for one in measured if one.row.control]
    best = max(controls, key=gain_db)
    ceiling = by_name["oracle"].of_each_picture_db - given.known_psnr_db[0]
    return {
        "gain_db": _mean_and_ci95(method - alone.of_each_picture_db, scenes),
        "best_control": best,
        "best_control_gain_db": _round(gain_db(best)),
        "over_best_control_db": _mean_and_ci95(method - by_name[best].of_each_picture_db, scenes),
        "gap_closed": _share(gain_db("blur2blur"), gain_db("supervised")),
        "distilled_share_of_gain": _share(  # its teacher is the first seed
            gain_db("distilled"), float((by_name["blur2blur"].psnr_db[0] - alone.psnr_db[0]).mean())
        ),
        "scenes": len(set(scenes)),
        "deblur_gain_over_input_db": _round(-gain_db("input")),
        "oracle_gain_over_its_input_db": _round(ceiling.mean()),
        "rows": [_row_json(one, given, alone) for one in measured],
    }


def _mean_and_ci95(gains: Figures, scenes: list[str]) -> dict[str, Any]:
    return {
        "mean": _round(gains.mean()),
        "ci95": [_round(end) for end in bootstrap_ci95(gains, scenes)],
    }


def bootstrap_ci95(gains: Figures, scenes: list[str], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean gain; scenes are drawn with replacement, all their pictures along.

    Percentile bootstrap over clusters (Efron and Tibshirani, "An introduction to the bootstrap",
    1993, chapters 8 and 13).
    """
    names = sorted(set(scenes))
    of = np.array([names.index(scene) for scene in scenes])
    sums, counts = np.bincount(of, gains), np.bincount(of)
    drawn = np.random.default_rng(seed).integers(len(names), size=(_RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def protocol_table(name: str, domain: dict[str, Any]) -> Table:
    """A domain's figures as people read them."""
    low, high = domain["gain_db"]["ci95"]
    closed = domain["gap_closed"]
    table = Table(
        title=f"{name}: deblur(G(x)) gains {domain['gain_db']['mean']:+.2f} dB over deblur(x) "
        f"(95 % over {domain['scenes']} scenes: {low:+.2f} to {high:+.2f}), the best control, "
        f"{domain['best_control']}, {domain['best_control_gain_db']:+.2f}; "
        + ("there is no gap to close" if closed is None else f"{100 * closed:.0f} % of the gap")
    )
    for heading in ("", "", "PSNR", "over deblur(x)", "in", "shifted", "features", "sharp"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in domain["rows"]:
        table.add_row(
            str(row["number"]),
            row["name"],
            f"{row['psnr_db']:.2f}",
            f"{row['gain_over_deblur_db']:+.2f}",
            f"{100 * row['share_improved_over_deblur']:.0f} %",
            f"{row['shift_psnr_db']:.2f}",
            f"{row['feature_distance']:.2f}",
            f"{row['sharp_psnr_db']:.1f}",
        )
    return table


def _row_json(one: Measured, given: Measured, alone: Measured) -> dict[str, Any]:
    gains = one.of_each_picture_db - given.of_each_picture_db
    beyond = one.of_each_picture_db - alone.of_each_picture_db
    order = np.argsort(given.of_each_picture_db)[::-1]  # the least blurred first
    return {
        "number": one.row.number,
        "name": one.row.name,
        "about": one.row.about,
        "seeds": len(one.psnr_db),
        "psnr_db": _round(one.psnr_db.mean()),
        "psnr_gain_db": _round(gains.mean()),
        "gain_over_deblur_db": _round(beyond.mean()),
        "gain_of_each_seed_db": [
            _round(seed.mean() - alone.psnr_db.mean()) for seed in one.psnr_db
        ],
        "shift_psnr_db": _round(one.shift_psnr_db.mean()),
        "feature_distance": _round(one.feature_distance.mean()),
        "share_improved_over_input": _round((gains > 0).mean()),
        "share_improved_over_deblur": _round((beyond > 0).mean()),
        "tercile_gains_over_deblur_db": [
            _round(beyond[part].mean()) for part in np.array_split(order, 3)
        ],
        "known_blur_psnr_db": _round(one.known_psnr_db.mean()),
        "sharp_psnr_db": _round(one.sharp_psnr_db.mean()),
    }


def _share(part: float, whole: float) -> float | None:
    """None where there is nothing to have a share of."""
    return None if whole <= 0 else _round(part / whole)


def _round(value: float) -> float:
    return round(float(value), 4)
