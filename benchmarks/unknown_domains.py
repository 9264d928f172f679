"""Cameras whose blur the deblurrer never saw, made of photographs, so that the truth is known.

After two kinds of data of the paper (Blur2Blur, Pham et al., CVPR 2024, table 1): U1 stands for
REDS, frames of a moving view added up; U2 for RSBlur and RB2V, a real camera's chain around it.
Both are interlaced, as camcorders, endoscopes and whatever else hangs on a capture device are: the
odd rows are exposed after the even ones, and what moves has combs for edges. And both move
otherwise than the known blur: a view that also turns and comes nearer, and now and then a thing
before it that goes its own way.

Two pairs before these were thrown away. In the first, U1 had 7 to 31 moments, gamma 2.2 and JPEG
alone: `balanced` gained 1.30 dB on it and 1.15 dB on known blur of the same photographs. The second
had another response, few moments that show as several pictures on top of each other, and H.264, and
an oracle gained 1.9 and 1.6 dB over the deblurrer; but most of that was to undo blur, not to
translate it. A translator of a fifth of the deblurrer's time, trained *on pairs* through the frozen
deblurrer, won 0.16 and 0.08 dB there where the deblurrer itself, trained on the same pairs, won
0.47 and 0.48: what no supervised translator does, no unpaired one will. Of these two it wins 2.6 of
2.9 and 1.9 of 2.2.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import GAMMA, through_jpeg, to_linear
from calibration.object_motion import silhouette
from calibration.webcam import through_h264

Picture = NDArray[np.uint8]
Light = NDArray[np.float32]
Pixels = TypeVar("Pixels", Picture, Light)

_ROLLING_ROWS = 6
"""How many moments later the last row of a rolling shutter begins than the first."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """From light to the pixels of a file.

    Attributes:
        highlights: light above 0.7 is made up to so many times stronger, and clips.
        defocus_px: standard deviation of the lens's softness.
        shot_noise, read_noise: variance a unit of light, and standard deviation, display 0...1.
        contrast: of the response's S-curve on top of gamma; 0 has none.
        white_balance: gain of red, green and blue.
        jpeg_quality: lowest and highest; None where there is none.
        h264_crf: constant rate factor of a single H.264 frame; None where there is none.
        interlaced: even and odd rows are coded one after the other, as pictures of their own.
    """

    highlights: float = 1.0
    defocus_px: float = 0.0
    shot_noise: float = 0.0
    read_noise: float = 0.0
    contrast: float = 0.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    jpeg_quality: tuple[int, int] | None = None
    h264_crf: int | None = None
    interlaced: bool = False

    @property
    def fields(self) -> int:
        """How many pictures one after the other make a frame: 1, or 2 of every other row."""
        return 2 if self.interlaced else 1

    def scene(self, sharp: Picture) -> Light:
        """Light behind the lens of a display picture, its highlights beyond what a sensor takes."""
        light = to_linear(sharp)
        bright = np.clip((light.max(axis=2, keepdims=True) - 0.7) / 0.3, 0, 1)
        light = np.asarray(light * (1 + (self.highlights - 1) * bright), np.float32)
        if self.defocus_px:
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), self.defocus_px), np.float32)
        return light

    def developed(self, light: Light) -> Light:
        """What sensor and response make of light, display 0...1, without noise."""
        balanced = np.clip(light * np.array(self.white_balance, np.float32), 0, 1)
        display = balanced ** (1 / GAMMA)
        curved = display - self.contrast * np.sin(2 * np.pi * display) / (2 * np.pi)
        return np.asarray(curved, np.float32)

    def delivered(self, light: Light, random: np.random.Generator) -> Picture:
        """What is in the file, uint8: with noise, and compressed."""
        return self.recorded(self.developed(light), random)

    def recorded(self, display: Light, random: np.random.Generator) -> Picture:
        """The last part of it: noise and compression of display values 0...1."""
        sigma = np.sqrt(self.read_noise**2 + self.shot_noise * display)
        display = display + sigma * random.standard_normal(display.shape, dtype=np.float32)
        pixels = _bytes_of(display)
        for first in range(self.fields):
            field = np.ascontiguousarray(pixels[first :: self.fields])
            if self.jpeg_quality is not None:
                quality = int(random.integers(self.jpeg_quality[0], self.jpeg_quality[1] + 1))
                field = through_jpeg(field, quality)
            if self.h264_crf is not None:
                field = through_h264(field, self.h264_crf)
            pixels[first :: self.fields] = field
        return pixels


class Scene(NamedTuple):
    """What a camera delivered of a moving view, and the middle of the exposure without motion.

    Attributes:
        blurred, truth: uint8 (H, W, 3); the truth went through the same lens and response.
        around: the truth with the border that the domain cuts off.
    """

    blurred: Picture
    truth: Picture
    around: Picture


@dataclass(frozen=True)
class _Motion:
    """A way of the view, or of a thing, during one exposure: time goes from -1 to 1."""

    direction: complex
    bend: complex
    turn_degrees: float
    zoom: float

    def matrix(self, time: float, middle: tuple[float, float]) -> NDArray[np.float64]:
        """Where the picture is at a time, (2, 3); at 0 it is as given."""
        at = time * self.direction + time**2 * self.bend
        matrix = cv2.getRotationMatrix2D(
            middle, 0.5 * time * self.turn_degrees, 1 + 0.5 * time * self.zoom
        )
        matrix[:, 2] += np.array([at.real, at.imag])
        return np.asarray(matrix, np.float64)

    def view(self, light: Light, time: float) -> Light:
        """The picture at a time."""
        height, width = light.shape[:2]
        matrix = self.matrix(time, ((width - 1) / 2, (height - 1) / 2))
        moved = cv2.warpAffine(light, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(moved, np.float32)

    def rows(self, light: Light, times: NDArray[np.float64]) -> Light:
        """The picture, each row at a time of its own, as a rolling shutter sees it."""
        if not times.any():
            return light
        height, width = light.shape[:2]
        middle = ((width - 1) / 2, (height - 1) / 2)
        x = np.arange(width)
        maps = []
        for row, time in enumerate(times):
            back = cv2.invertAffineTransform(self.matrix(float(time), middle))
            maps.append(back[:, :1] * x + (back[:, 1] * row + back[:, 2])[:, None])
        across, down = np.array(maps, np.float32).transpose(1, 0, 2)
        found = cv2.remap(light, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(found, np.float32)


@dataclass(frozen=True, kw_only=True)
class UnknownDomain:
    """A camera and how it, and what it sees, moves.

    Attributes:
        moments: fewest and most sub-frames that are added up; of each field of an interlaced one.
        extent_px: shortest and longest way of the view's middle.
        turn_degrees, zoom: most that the view turns, and its most change of size.
        thing_share: share of the scenes in which a thing moves of its own as well.
        rolling: rows begin one after the other.
    """

    name: str
    about: str
    chain: Chain
    moments: tuple[int, int] = (7, 31)
    extent_px: tuple[float, float] = (6.0, 24.0)
    turn_degrees: float = 2.0
    zoom: float = 0.02
    thing_share: float = 0.3
    rolling: bool = False

    margin_px: int = 32
    """Border that :meth:`moving` needs around its pictures and cuts off."""

    def still(self, window: Picture, random: np.random.Generator) -> Picture:
        """A sharp frame of this camera, uint8 (H, W, 3) for (H + 2 * margin_px, …)."""
        return self.chain.delivered(self._inner(self.chain.scene(window)), random)

    def moving(self, window: Picture, thing: Picture, random: np.random.Generator) -> Scene:
        """A blurred frame of it.

        Args:
            window, thing: uint8 (H + 2 * margin_px, W + 2 * margin_px, 3), sharp.
        """
        light = self.chain.scene(window)
        count = int(random.integers(self.moments[0], self.moments[1] + 1))
        late = _ROLLING_ROWS if self.rolling else 0
        exposed = self.chain.fields * count
        last = exposed + late - 1
        motion = self._motion(last / (exposed - 1), random)
        layers = [(light, motion)]
        if random.random() < self.thing_share:
            height, width = light.shape[:2]
            diameter = random.uniform(0.3, 0.6) * (min(height, width) - 2 * self.margin_px)
            cover = silhouette((height, width), diameter, random)
            layer = np.dstack([self.chain.scene(thing) * cover[:, :, None], cover])
            layers.append((layer, self._motion(last / (exposed - 1), random)))
        rolls = np.linspace(0, late, light.shape[0])  # when each row begins, in moments
        begins = rolls + np.arange(light.shape[0]) % self.chain.fields * count
        total = np.zeros_like(light)
        for moment in range(last + 1):
            view = _over([m.view(picture, 2 * moment / last - 1) for picture, m in layers])
            share = np.clip(moment + 1 - begins, 0, 1) * np.clip(begins + count - moment, 0, 1)
            total += view * share.astype(np.float32)[:, None, None]
        middles = 2 * (rolls + (exposed - 1) / 2) / last - 1
        still = _over([m.rows(picture, middles) for picture, m in layers])
        around = _bytes_of(self.chain.developed(still))
        return Scene(
            blurred=self.chain.delivered(self._inner(total / np.float32(count)), random),
            truth=self._inner(around),
            around=around,
        )

    def _motion(self, longer: float, random: np.random.Generator) -> _Motion:
        """A random one; ``longer`` is how much more of it the camera lives than a row sees."""
        direction, bend = np.exp(2j * np.pi * random.random(2))
        curved = random.uniform(0, 0.5) * bend
        times = np.linspace(-1, 1, 33)
        path = times * direction + times**2 * curved
        side = max(np.ptp(path.real), np.ptp(path.imag))
        scale = longer * random.uniform(*self.extent_px) / side
        turn = random.uniform(-self.turn_degrees, self.turn_degrees)
        zoom = random.uniform(-self.zoom, self.zoom)
        return _Motion(complex(direction * scale), complex(curved * scale), turn, zoom)

    def _inner(self, picture: Pixels) -> Pixels:
        m = self.margin_px
        return np.ascontiguousarray(picture[m:-m, m:-m])


U1 = UnknownDomain(
    name="U1",
    about="interlaced: even rows are exposed before odd ones; the view shifts, turns and nears; "
    "another response; each field is a JPEG of quality 75 to 90",
    chain=Chain(contrast=0.5, jpeg_quality=(75, 90), interlaced=True),
    moments=(6, 14),
)
U2 = UnknownDomain(
    name="U2",
    about="interlaced, with clipped highlights, a soft lens, Poisson-Gaussian noise, another "
    "response and white balance, a rolling shutter; each field is coded by H.264 at CRF 28",
    chain=Chain(
        highlights=3.0,
        defocus_px=0.7,
        shot_noise=2e-4,
        read_noise=0.008,
        contrast=0.5,
        white_balance=(1.08, 1.0, 0.9),
        h264_crf=28,
        interlaced=True,
    ),
    moments=(6, 14),
    rolling=True,
)
DOMAINS = (U1, U2)


def _over(layers: list[Light]) -> Light:
    """A view, and what is before it with its opacity as a fourth channel."""
    view, *before = layers
    for layer in before:
        view = np.asarray(layer[:, :, :3] + (1 - layer[:, :, 3:]) * view, np.float32)
    return view


def _bytes_of(display: Light) -> Picture:
    pixels: Picture = np.clip(np.rint(255 * display), 0, 255).astype(np.uint8)
    return pixels
