"""`train deblurrer`"""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream.commands.common import console, needs_extra_train, refuse_ignored

_OF_THE_BLUR = (
    "moving_share",
    "even_share",
    "min_size",
    "webcam_share",
    "min_detail",
    "min_extent_px",
    "max_extent_px",
    "max_object_px",
    "linear_share",
    "origin",
)
"""Options that say how photographs are blurred."""


class TruthOrigin(StrEnum):
    mid_exposure = "mid-exposure"
    centroid = "centroid"


def train_deblurrer(
    context: typer.Context,
    data: Annotated[
        list[Path],
        typer.Option(
            help="Folder of sharp photographs, or of pairs in GoPro's (blur, sharp) or REDS's "
            "(train_blur, train_sharp) layout; may be given several times, all of one kind."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run; an interrupted run there goes on.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="Network: plain or plain-short, which learn from nothing; fast, balanced and "
            "quality, which look for motion (begin with weights that do, as by --from quality; a "
            "narrower one learns from them to read spectra); quality-once, nafnet16, nafnet32 or "
            "mimo-unet. Without it that of the run that goes on, else the one whose weights it "
            "begins with (--from), else plain.",
            show_default=False,
        ),
    ] = None,
    crops: Annotated[int, typer.Option(min=1, help="Training pairs in all.")] = 400_000,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="End after so long, if that is before all pairs; the learning rate falls in time. "
            "What a fresh network that looks for motion learns before, to read spectra, comes on "
            "top: half an hour on CPUs.",
            show_default=False,
        ),
    ] = None,
    crop_px: Annotated[
        int,
        typer.Option(
            min=32,
            help="Side of a training picture. Networks that look for motion read windows of "
            "128 px, `fast` and `balanced` 64 px apart and four for each place: in less "
            "than 256 px all places read the same, also where things move before a still "
            "background.",
        ),
    ] = 128,
    batch: Annotated[int, typer.Option(min=1, help="Pairs a step, over all processes.")] = 16,
    learning_rate: Annotated[float, typer.Option(min=0.0, help="Muon's and AdamW's.")] = 1e-3,
    frequency_weight: Annotated[
        float, typer.Option(min=0.0, help="Of the Fourier term, beside Charbonnier's 1.")
    ] = 0.05,
    feature_weight: Annotated[
        float, typer.Option(min=0.0, help="Of the feature distance; detail, at twice the time.")
    ] = 0.0,
    relative: Annotated[
        bool,
        typer.Option(
            "--relative-loss/--absolute-loss",
            help="Relative counts every picture alike, and so leaves still backgrounds alone; with "
            "the absolute one a fresh network learns much sooner. Go on from there with --from.",
        ),
    ] = True,
    harm_weight: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Of a term against pictures that come out worse than they came, or hardly better "
            "(0.3 is much); for a run that goes on from good weights.",
        ),
    ] = 0.0,
    decay_share: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=1.0,
            help="Share of the run, its last part, in which the learning rate falls to zero; 1 for "
            "a short run that goes on from good weights.",
        ),
    ] = 0.25,
    moving_share: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of pictures with a moving object.")
    ] = 0.35,
    even_share: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of those objects whose surface is as even as skin, so that their outline "
            "alone shows how they moved.",
        ),
    ] = 0.0,
    min_size: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.85,
            help="Diameter of the smallest of them, as a share of the picture's side; a hand takes "
            "a sixth of a webcam's picture, and most of that stands still.",
        ),
    ] = 0.35,
    webcam_share: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of pictures that are then softened, sharpened and coded (JPEG, H.264), as "
            "webcams and recordings do.",
        ),
    ] = 0.0,
    min_detail: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Mean difference of neighbouring pixels (0 to 255) below which another place of "
            "the photographs is drawn: detail teaches most, but skies have to be seen too.",
        ),
    ] = 8.0,
    min_extent_px: Annotated[
        float, typer.Option(min=0.0, help="Shortest movement during an exposure, in pixels.")
    ] = 5.0,
    max_extent_px: Annotated[float, typer.Option(min=0.0, help="Longest.")] = 25.0,
    max_object_px: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Longest of moving objects, if another: a hand easily moves 40 px while a webcam "
            "exposes, and networks tell displacements up to 26 px either way.",
            show_default=False,
        ),
    ] = None,
    linear_share: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of movements in a line or a slight arc, as of hands that go somewhere; the "
            "others are random walks, as of a hand-held camera.",
        ),
    ] = 0.0,
    origin: Annotated[
        TruthOrigin,
        typer.Option(
            help="The moment of the exposure that the truth shows. Begin with `centroid`, which is "
            "learned several times faster, and go on from there with `mid-exposure` and --from."
        ),
    ] = TruthOrigin.mid_exposure,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Imitate this profile's deblurrer instead of the truth: for smaller networks.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Begin with the weights of this profile.", show_default=False),
    ] = None,
) -> None:
    """Train a deblurrer: on sharp photographs that are blurred on the fly, or on pairs.

    One picture in seven is kept for validation. The folder fills with a checkpoint, a log, a curve
    and a strip of examples; run the same command again to go on after an interruption.

    Several processes share the work under torchrun. On a CPU, one a core with one thread each is
    the fastest: `OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m stream.cli train deblurrer ...`
    """
    with needs_extra_train():
        from calibration.job import run_deblurrer_training
        from calibration.losses import LossWeights
        from calibration.paired_folders import find_pairs
        from calibration.pairs import PairRecipe
        from calibration.start import network_of
        from calibration.train_deblurrer import DeblurrerTraining
        from calibration.training_run import CHECKPOINT
        from calibration.trajectory import Movement
    if find_pairs(data):
        refuse_ignored(context, _OF_THE_BLUR, "is about photographs; pairs are blurred already")
    try:
        movement = Movement(
            min_extent_px=min_extent_px,
            max_extent_px=max_extent_px,
            linear_share=linear_share,
            origin=origin.value,
        )
        objects = movement
        if max_object_px is not None:
            objects = replace(movement, max_extent_px=max_object_px)
    except ValueError as error:
        options = "--min-extent-px, --max-extent-px, --max-object-px"
        raise typer.BadParameter(f"{error}; see {options}") from None
    settings = DeblurrerTraining(
        data=tuple(data),
        out=out,
        network=network_of(model, start, out / CHECKPOINT),
        crops=crops,
        minutes=minutes,
        batch=batch,
        learning_rate=learning_rate,
        decay_share=decay_share,
        loss=LossWeights(
            frequency=frequency_weight, feature=feature_weight, relative=relative, harm=harm_weight
        ),
        pairs=PairRecipe.for_training(
            crop_px,
            movement,
            moving_share,
            min_detail,
            even_share,
            min_size,
            webcam_share,
            objects,
        ),
        teacher=teacher,
        seed=seed,
        start=start,
    )
    run_deblurrer_training(settings, console())
