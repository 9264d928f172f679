"""`blur2blur calibrate report`: one page about a camera, its blur, and what its profile does."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.acuity import Verdict
from calibration.camera_crops import square_around
from calibration.camera_findings import (
    FrameFigures,
    ProfileFigures,
    advice,
    finding,
    frame_figures,
    instead,
    wanted_spectrum,
)
from calibration.detail_spectrum import detail_spectrum
from calibration.errors import CalibrationError
from calibration.kept_frame import KeptFrame, spread
from calibration.measures import psnr_db
from calibration.profile_networks import part_network, restored
from calibration.recording import CalibrationRecording
from calibration.recording_identity import comes_from
from calibration.training_log import LOG, read_lines
from engines.charts import chart_address, new_figure, picture_address
from engines.files import write_text_atomically
from engines.fused import FusedDeblur
from engines.profile import Profile, load_profile

Picture = NDArray[np.uint8]

_BLURRY, _SHARP, _STRIPS = 24, 12, 6
_STRIP_PX = 200


@dataclass(frozen=True)
class _Networks:
    """The profile, the deblurrer without it, and the translator alone where there is one."""

    profile: FusedDeblur
    deblurrer: FusedDeblur
    translator: FusedDeblur | None


def write_camera_report(
    recording: CalibrationRecording, profile: Profile, run: Path | None, path: Path
) -> bool:
    """Write the page; whether the profile helps, by its own finding.

    Args:
        run: folder of the training, for its curves; None where it is gone.

    Raises:
        CalibrationError: the recording has no frames of a kind, or the profile is no camera's.
        OSError: the file cannot be written.
    """
    import jinja2

    networks = _networks(profile)
    training: Mapping[str, Any] = profile.card.get("training", {})
    clips = {frame.clip for frame in recording.frames}
    held_out = frozenset(training.get("held_out", ())) & clips
    blurry = _some(recording, Verdict.BLURRY, held_out, _BLURRY)
    sharp = _some(recording, Verdict.SHARP, held_out, _SHARP)
    if not blurry or not sharp:
        raise CalibrationError(
            f"{recording.folder} has no blurry or no sharp frames to look at; record more"
        )
    still = [(frame, recording.read(frame)) for frame in sharp]
    wanted = [wanted_spectrum(frame, still) for frame in blurry]
    figures, strips = _look(recording, blurry, wanted, [picture for _, picture in still], networks)
    found = finding(figures)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = files("calibration").joinpath("camera_report.html").read_text("utf-8")
    page = environment.from_string(template).render(
        name=profile.name,
        recording=recording.folder.absolute().name,
        finding=found,
        instead=instead(training),
        advice=advice(recording.frames),
        figures=_figure_rows(figures),
        strips=strips,
        checked_on=sorted(held_out),
        same_recording=comes_from(training, recording.folder),
        counts={kind: recording.count(kind) for kind in (Verdict.SHARP, Verdict.BLURRY)},
        noise=float(np.median([frame.noise for frame in recording.frames])),
        brightness=float(np.median([frame.brightness for frame in recording.frames])),
        blur_chart=_blur_chart(recording, blurry, wanted),
        curves=_curves(run),
        training={key: value for key, value in training.items() if key != "held_out"},
    )
    write_text_atomically(path, page)
    return found.helps


def _networks(profile: Profile) -> _Networks:
    training = profile.card.get("training", {})
    has_translator = profile.card["translator"]["architecture"] != "identity"
    if "recording" not in training:
        raise CalibrationError(
            f"{profile.name} is no camera's profile; `blur2blur calibrate train` makes one"
        )
    teacher = profile if has_translator else load_profile(str(training.get("teacher")))
    nothing = torch.nn.Identity()

    def fused(first: torch.nn.Module, part: str, of: Profile) -> FusedDeblur:
        second = part_network(of, part)
        return FusedDeblur(first, second, int(of.card["multiple"]), of.left_below).eval()

    return _Networks(
        profile=fused(part_network(profile, "translator"), "deblurrer", profile),
        deblurrer=fused(nothing, "deblurrer", teacher),
        translator=fused(nothing, "translator", profile) if has_translator else None,
    )


def _some(
    recording: CalibrationRecording, kind: Verdict, clips: frozenset[str], count: int
) -> list[KeptFrame]:
    """Frames spread over the clips that were held out, or over all where none was."""
    frames = [f for f in recording.frames if f.kind == kind and (not clips or f.clip in clips)]
    return spread(frames, count)


def _look(
    recording: CalibrationRecording,
    blurry: list[KeptFrame],
    wanted: list[NDArray[np.float64]],
    still: list[Picture],
    networks: _Networks,
) -> tuple[ProfileFigures, list[dict[str, Any]]]:
    """The figures, and a strip of pictures of some of the frames.

    Args:
        wanted: spectra of the place that each of the blurry frames shows moving, in sharp ones.
        still: sharp frames.
    """
    found: list[FrameFigures] = []
    strips: list[dict[str, Any]] = []
    for number, (frame, spectrum) in enumerate(zip(blurry, wanted, strict=True)):
        x = recording.read(frame)
        rows = {"as the camera gave it": x, "deblurred": restored(networks.deblurrer, x)}
        if networks.translator is not None:
            rows["translated, G(x)"] = restored(networks.translator, x)
        rows["with this profile"] = restored(networks.profile, x)
        found.append(
            frame_figures(x, rows["deblurred"], rows["with this profile"], frame.region, spectrum)
        )
        if number < _STRIPS:
            cuts = {name: picture_address(_cut(p, frame.region)) for name, p in rows.items()}
            strips.append({"at": f"{frame.clip}, {frame.at_s:.1f} s", "pictures": cuts})
    kept = tuple(psnr_db(p, restored(networks.profile, p)) for p in still)
    return ProfileFigures(frames=tuple(found), sharp_psnr_db=kept), strips


def _cut(picture: Picture, region: tuple[int, int, int, int]) -> Picture:
    """A square around the middle of a region."""
    left, top, width, height = region
    side = min(_STRIP_PX, *picture.shape[:2])
    return square_around(picture, left + width / 2, top + height / 2, side)


def _figure_rows(figures: ProfileFigures) -> list[tuple[str, str]]:
    still = figures.still_psnr_db
    return [
        (
            "what moved, from sharp frames, deblurred",
            f"{figures.median('apart_deblurred_db'):.2f} dB",
        ),
        ("the same with this profile", f"{figures.median('apart_profile_db'):.2f} dB"),
        ("frames that it brings nearer", f"{100 * figures.nearer_share:.0f} %"),
        ("detail of what moved, deblurred", f"{figures.median('detail_deblurred'):.3f}"),
        ("the same with this profile", f"{figures.median('detail_profile'):.3f}"),
        ("what stands still, before and after", "–" if still is None else f"{still:.1f} dB"),
        ("sharp frames, before and after", f"{np.median(figures.sharp_psnr_db):.1f} dB"),
    ]


def _blur_chart(
    recording: CalibrationRecording, blurry: list[KeptFrame], wanted: list[NDArray[np.float64]]
) -> str:
    """How blurred the frames are, and which detail the blur takes away."""
    figure = new_figure(8.6, 3.2)
    left, right = figure.subplots(1, 2)
    for kind, colour in ((Verdict.SHARP, "#0b6e99"), (Verdict.BLURRY, "#aa7722")):
        values = [frame.acuity for frame in recording.frames if frame.kind == kind]
        left.hist(values, bins=np.linspace(0, 1.1, 23), color=colour, alpha=0.7, label=kind)
    left.set_xlabel("detail beside the same place at its best", fontsize=8)
    left.set_ylabel("frames", fontsize=8)
    left.legend(fontsize=8, frameon=False)
    own = [detail_spectrum(recording.read(frame), frame.region) for frame in blurry]
    lost = np.asarray(np.mean(own, axis=0) - np.mean(wanted, axis=0))
    limit = float(np.abs(lost).max())
    shown = right.imshow(
        lost, cmap="RdBu", vmin=-limit, vmax=limit, extent=(-0.5, 0.5, -0.5, 0.5), origin="lower"
    )
    right.set_title("what the blur takes away (red)", fontsize=8, loc="left")
    right.set_xlabel("cycles a pixel across", fontsize=8)
    right.set_ylabel("down", fontsize=8)
    figure.colorbar(shown, ax=right, label="dB", shrink=0.8)
    return chart_address(figure)


def _curves(run: Path | None) -> str:
    """How the training went; empty where its log is gone."""
    log = None if run is None else run / LOG
    if log is None or not log.is_file():
        return ""
    lines = read_lines(log)
    names = [
        ("change", "mean change by G, 0…1"),
        ("told_apart", "share that the discriminator tells rightly"),
        ("detail", "detail of deblur(G(x)) over deblur(x)"),
    ]
    shown = [(key, title) for key, title in names if lines and key in lines[0]]
    if not shown:
        return ""
    figure = new_figure(8.6, 2.4)
    for axis, (key, title) in zip(
        np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True
    ):
        axis.plot(
            [line["crops"] / 1000 for line in lines], [line[key] for line in lines], "o-", ms=3
        )
        axis.set_title(title, fontsize=8, loc="left")
        axis.set_xlabel("thousand crops", fontsize=8)
    return chart_address(figure)
