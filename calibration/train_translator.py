"""Train a translator G: from a camera's own blur to the blur that the deblurrer knows.

Blur2Blur (Pham et al., CVPR 2024): an adversarial loss asks that G(x) looks like known blur; a
reconstruction loss, that it still shows what x shows; both look at three sizes of it. The deblurrer
is frozen, and only looked through to validate: what counts is deblur(G(x)).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from calibration.averaged import Averaged
from calibration.camera_crops import last_whole_clip, open_camera_crops
from calibration.content import ContentFeatures, content_distance
from calibration.discriminator import Discriminator, hinge_loss, r1_penalty, split_luma
from calibration.evaluation import write_strip
from calibration.features import SMALLEST_PX
from calibration.known_blur import KnownBlur
from calibration.known_domains import CROP_PX, known_domains, learned_from_pairs
from calibration.object_motion import ObjectMotion
from calibration.pairs import Crops, passed_on
from calibration.profile_networks import part_network
from calibration.recording import CalibrationRecording
from calibration.recording_identity import origin
from calibration.tensorboard_log import EXAMPLES
from calibration.trainer import Trainer, learning_rate_factor
from calibration.training_log import LOG, add_line
from calibration.training_run import RunSettings
from calibration.translator import SIZES, TRANSLATOR, pyramid
from engines.networks import PlainUNetSpec
from engines.profile import load_profile

_R1_EVERY = 4
_MIN_CROP_PX = 128
_FEATURES_SHARE = 0.005
"""Of the reconstruction loss is the feature distance, beside the mean difference of pixels."""
_COLOUR_SHARE = 5.0
"""Of it is the mean difference of colours: the discriminator does not see what becomes of them."""


@dataclass(frozen=True, kw_only=True)
class TranslatorTraining(RunSettings):
    """The settings of one training run.

    Attributes:
        recording: folder that `calibrate record` made.
        deblurrer: profile whose deblurrer the translator stands before.
        held_out: clips to validate on; the last one if empty, where there are several.
        critic_learning_rate: the discriminator's.
        adversarial, reconstruction: weights of the two losses.
        r1: weight of the penalty on the discriminator's gradient.
        features: by which G(x) is held to x.
        known, moving: the blur that the discriminator takes as real, the deblurrer's two
            domains: those that its card tells of, if not given.
    """

    recording: Path
    deblurrer: str = "balanced"
    held_out: tuple[str, ...] = ()
    network: PlainUNetSpec = TRANSLATOR
    crop_px: int = CROP_PX
    crops: int = 20_000
    batch: int = 8
    ema_steps: int = 100
    learning_rate: float = 1e-3
    critic_learning_rate: float = 3e-4
    decay_share: float = 0.5
    adversarial: float = 1.0
    reconstruction: float = 20.0
    r1: float = 0.05
    features: ContentFeatures = "auto"
    known: KnownBlur | None = None
    moving: ObjectMotion | None = None
    validation_crops: int = 24

    def __post_init__(self) -> None:
        if self.crop_px < _MIN_CROP_PX or self.crop_px % self.network.multiple:
            raise ValueError(
                f"crop_px is {self.crop_px}; expected a multiple of {self.network.multiple} and at "
                f"least {_MIN_CROP_PX}, or the discriminator has no patch at the smallest scale"
            )


@dataclass(frozen=True)
class TranslatorValidation:
    """How it goes, without a truth to compare with.

    Attributes:
        change: mean |G(x) - x|, 0...1; near 0, G has collapsed to the identity.
        told_apart: share of places, of pictures at full size, of which the discriminator tells
            rightly whether they are real; near 1, it has won.
        detail: mean fine detail of deblur(G(x)) over that of deblur(x).
    """

    change: float
    told_apart: float
    detail: float


class TranslatorTrainer(Trainer[TranslatorValidation]):
    """See :class:`calibration.trainer.Trainer`.

    Raises:
        CalibrationError: the recording cannot be used, or the checkpoint is of another network.
        ProfileError: there is no such deblurrer.
    """

    settings: TranslatorTraining

    def __init__(
        self, settings: TranslatorTraining, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self._recording = recording = CalibrationRecording.made(settings.recording)
        super().__init__(settings)
        self.held_out = frozenset(settings.held_out) or last_whole_clip(recording)
        self.profile = profile = load_profile(settings.deblurrer)
        if settings.known is None and learned_from_pairs(profile.card):
            say(
                f"the deblurrer {settings.deblurrer} learned from pairs, whose blur its card does "
                "not tell; --blur-from PAIRS takes it from them, and without it this aims at "
                "random shake"
            )
        known, moving = known_domains(profile.card)
        self._known, self._moving = settings.known or known, settings.moving or moving
        self._crops, checked = open_camera_crops(
            recording,
            self.held_out,
            crop_px=settings.crop_px,
            seed=settings.seed,
            length=settings.crops,
            known=self._known,
            moving=self._moving,
        )
        self._validation = [checked[i] for i in range(settings.validation_crops)]
        self.deblurrer = part_network(profile, "deblurrer")
        translator = settings.network.build()
        translator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = Averaged(translator, settings.ema_steps)
        critic = Discriminator()
        betas = (0.5, 0.99)
        self.translator, self._optimizer = self.fabric.setup(
            translator, torch.optim.Adam(translator.parameters(), settings.learning_rate, betas)
        )
        self.critic, self._critic_optimizer = self.fabric.setup(
            critic, torch.optim.Adam(critic.parameters(), settings.critic_learning_rate, betas)
        )
        self.content, self.content_name = content_distance(settings.features, say)
        self.content.to(self.fabric.device)
        for network in (self.averaged, self.deblurrer):
            network.to(self.fabric.device)
        self.load()

    @property
    def dataset(self) -> Crops:
        return self._crops

    @property
    def lessons(self) -> dict[str, Any]:
        return {
            "frames": [frame.sha256 for frame in self._recording.frames],
            "held-out clips": sorted(self.held_out),
            "deblurrer": self.profile.weights_sha256,
            "known blur": [asdict(self._known), asdict(self._moving)],
            "features": self.content_name,
            "seed": self.settings.seed,
        }

    @property
    def averaged(self) -> nn.Module:
        """The translator with the averaged weights."""
        return self._average.network

    def step(self, *batch: Tensor) -> Tensor:
        """One step of the discriminator, then one of G; returns the loss of G."""
        settings = self.settings
        unknown, known = (part / 255.0 for part in batch)
        factor = learning_rate_factor(self.progress, settings.decay_share)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * factor
        translated = pyramid(self.translator(unknown).float())
        self._step_critic([picture.detach() for picture in translated], pyramid(known))
        self.critic.requires_grad_(False)
        says = self.critic(translated)
        adversarial = -torch.stack([logits.mean() for logits in says]).sum()
        self.critic.requires_grad_(True)
        content = self._content_loss(translated, pyramid(unknown))
        loss = settings.adversarial * adversarial + settings.reconstruction * content
        self._optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.translator.parameters(), 1.0)
        self.check(float(norm), "gradient")
        self._optimizer.step()
        self.crops_done += settings.batch
        self._average.update(self.translator, self.crops_done / settings.batch)
        return loss.detach()

    def _step_critic(self, fake: list[Tensor], real: list[Tensor]) -> None:
        says = self.critic([torch.cat(both) for both in zip(real, fake, strict=True)])
        halves = [logits.chunk(2) for logits in says]
        loss = hinge_loss([r for r, _ in halves], [f for _, f in halves])
        if (self.crops_done // self.settings.batch) % _R1_EVERY == 0:  # lazily: it is slow
            penalty = r1_penalty(self.critic.module, real)
            loss = loss + _R1_EVERY * 0.5 * self.settings.r1 * penalty
        self._critic_optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self._critic_optimizer.step()

    def _content_loss(self, pictures: list[Tensor], given: list[Tensor]) -> Tensor:
        """Distance to what was given, of every picture at half its size.

        What is finer is what a blur changes: held to that, G must not touch it. Colour is held
        faster than luma: else G, of whom nobody asks anything about it, tints what it changes.
        """
        distances = []
        for picture, like in zip(pictures, given, strict=True):
            picture, like = F.avg_pool2d(picture, 2), F.avg_pool2d(like, 2)
            luma_off, colour_off = split_luma(picture - like)
            distances.append(luma_off.abs().mean() + _COLOUR_SHARE * colour_off.abs().mean())
            if min(like.shape[-2:]) >= SMALLEST_PX:
                distances.append(_FEATURES_SHARE * self.content(picture, like).mean())
        return torch.stack(distances).sum()

    @torch.no_grad()
    def translate(self, pictures: Tensor) -> Tensor:
        """G with the averaged weights, float (N, 3, H, W) in 0...1."""
        translated: Tensor = self.averaged(pictures)
        return translated.clamp(0, 1)

    @torch.no_grad()
    def validate(self) -> TranslatorValidation:
        """Look at held-out crops; draws ``examples.png``: x, G(x), deblur(x), deblur(G(x)), K."""
        unknown = torch.stack([u for u, _ in self._validation]).to(self.fabric.device) / 255.0
        known = torch.stack([k for _, k in self._validation]).to(self.fabric.device) / 255.0
        translated = self.translate(unknown)
        before, after = (self.deblurrer(x).clamp(0, 1) for x in (unknown, translated))
        rows = {
            "x": unknown,
            "G(x)": translated,
            "deblur(x)": before,
            "deblur(G(x))": after,
            "known blur": known,
        }
        strip = [
            (name, torch.round(255 * pictures).to(torch.uint8).cpu())
            for name, pictures in rows.items()
        ]
        write_strip(self.settings.out / EXAMPLES, strip)
        # not through the wrapper: one process validates alone, and that would wait for the others
        critic = self.critic.module.eval()
        real, fake = critic([known])[0], critic([translated])[0]
        critic.train()
        right = torch.cat([(real > 0).flatten(), (fake < 0).flatten()]).double().mean()
        return TranslatorValidation(
            change=float((translated - unknown).abs().mean()),
            told_apart=float(right),
            detail=float(_detail(after) / _detail(before)),
        )

    def log_validation(self, crops: int, loss: float, validation: TranslatorValidation) -> None:
        line = {"crops": crops, "loss": loss, **asdict(validation)}
        add_line(self.settings.out / LOG, line)

    def state(self) -> dict[str, Any]:
        return {
            "translator": self.translator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "critic": self.critic.state_dict(),
            "optimizers": [self._optimizer.state_dict(), self._critic_optimizer.state_dict()],
            "specification": self.settings.network.to_json(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.translator.load_state_dict(state["translator"])
        self.averaged.load_state_dict(state["averaged"])
        self.critic.load_state_dict(state["critic"])
        optimizers = (self._optimizer, self._critic_optimizer)
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def card(self, final: TranslatorValidation) -> dict[str, Any]:
        settings = self.settings
        return {
            **self.how_it_ran(),
            "optimizer": (
                f"Adam, learning rates {settings.learning_rate} of G, "
                f"{settings.critic_learning_rate} of the discriminator"
            ),
            "loss": (
                f"{settings.adversarial} hinge + {settings.reconstruction} (L1 of luma + "
                f"{_COLOUR_SHARE} L1 of colour + {_FEATURES_SHARE} {self.content_name} feature "
                f"distance) at half of {SIZES} sizes, R1 {settings.r1}"
            ),
            **origin(settings.recording),
            "held_out": sorted(self.held_out),
            "deblurrer": settings.deblurrer,
            "deblurrer_sha256": self.profile.weights_sha256,
            **passed_on(self.profile.card),
            **{f"validation_{key}": round(value, 4) for key, value in asdict(final).items()},
        }


def _detail(pictures: Tensor) -> Tensor:
    """Mean square of the steps between pixels two apart: combs of an interlaced camera are none."""
    right = F.mse_loss(pictures[..., 2:], pictures[..., :-2])
    down = F.mse_loss(pictures[..., 2:, :], pictures[..., :-2, :])
    return 0.5 * (right + down)
