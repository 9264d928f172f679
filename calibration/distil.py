"""One network that does what deblur(G(x)) does: a camera's profile at the deblurrer's own cost.

The student begins as the deblurrer. On the camera's own frames it is taught what the translator and
the deblurrer make of them together; on known blur, what the deblurrer makes of it alone, so that it
forgets nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from calibration.camera_crops import CameraCrops, last_whole_clip, open_camera_crops
from calibration.errors import CalibrationError
from calibration.evaluation import Evaluation
from calibration.known_domains import CROP_PX, known_domains
from calibration.pairs import passed_on
from calibration.profile_networks import part_network
from calibration.recording import CalibrationRecording
from calibration.recording_identity import origin
from calibration.restoration_trainer import RestorationSettings, RestorationTrainer
from calibration.start import start_with
from engines.profile import load_profile


@dataclass(frozen=True, kw_only=True)
class Distillation(RestorationSettings):
    """The settings of one training run.

    Attributes:
        recording: folder that `calibrate record` made.
        teacher: profile that `calibrate train` made; its deblurrer is where the student begins.
        held_out: clips to validate on, as in the teacher's training; the last one, where there are
            several, if the recording has none of these.
    """

    recording: Path
    teacher: str
    held_out: tuple[str, ...] = ()
    crop_px: int = CROP_PX
    crops: int = 60_000
    batch: int = 8
    learning_rate: float = 3e-4
    decay_share: float = 0.5
    validation_crops: int = 24


class DistillationTrainer(RestorationTrainer):
    """See :class:`calibration.restoration_trainer.RestorationTrainer`.

    Raises:
        CalibrationError: the recording cannot be used, or the teacher has no translator.
        ProfileError: there is no such teacher.
    """

    settings: Distillation

    def __init__(self, settings: Distillation) -> None:
        profile = load_profile(settings.teacher)
        if profile.card["translator"]["architecture"] == "identity":
            raise CalibrationError(
                f"profile {profile.name} has no translator to distil; `blur2blur calibrate train` "
                "makes one that has"
            )
        self.translator = part_network(profile, "translator")
        self.deblurrer = part_network(profile, "deblurrer")
        self.profile = profile
        self._recording = recording = CalibrationRecording.made(settings.recording)
        clips = frozenset(frame.clip for frame in recording.frames)
        self.held_out = clips.intersection(settings.held_out) or last_whole_clip(recording)
        known, moving = known_domains(profile.card)
        self._crops, checked = open_camera_crops(
            recording,
            self.held_out,
            crop_px=settings.crop_px,
            seed=settings.seed,
            length=settings.crops,
            known=known,
            moving=moving,
        )
        unknown = torch.stack([checked[i][0] for i in range(settings.validation_crops)])
        taught = torch.round(255 * self._teach(unknown / 255.0)).to(torch.uint8)
        self._validation = unknown, taught
        super().__init__(settings, start_with(settings.teacher, profile))
        for network in (self.translator, self.deblurrer):
            network.to(self.fabric.device)

    @property
    def dataset(self) -> CameraCrops:
        return self._crops

    @property
    def lessons(self) -> dict[str, Any]:
        return {
            "frames": [frame.sha256 for frame in self._recording.frames],
            "held-out clips": sorted(self.held_out),
            "teacher": self.profile.weights_sha256,
            "seed": self.settings.seed,
        }

    @property
    def validation(self) -> tuple[Tensor, Tensor]:
        """The camera's held-out crops, and what the teacher makes of them."""
        return self._validation

    def lesson(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        unknown, known = (part / 255.0 for part in batch)
        with torch.no_grad():
            kept = self.deblurrer(known).clamp(0, 1)
        return torch.cat([unknown, known]), torch.cat([self._teach(unknown), kept])

    @torch.no_grad()
    def _teach(self, unknown: Tensor) -> Tensor:
        taught: Tensor = self.deblurrer(self.translator(unknown).clamp(0, 1)).clamp(0, 1)
        return taught

    def card(self, final: Evaluation) -> dict[str, Any]:
        return {
            **self.how_it_learned(final),
            **origin(self.settings.recording),
            "held_out": sorted(self.held_out),
            "teacher": self.settings.teacher,
            **passed_on(self.profile.card),
        }
