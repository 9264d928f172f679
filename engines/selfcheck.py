"""An engine's output against the fp32 reference before it is trusted.

Low precision has been wrong in silence on real processors, so whatever was compiled is tried on a
few fixed frames first. The reference is OpenVINO in fp32 on the CPU, which itself is checked
against the profile's golden sample, made by torch where the profile was exported. Its answer is
kept, so that a warm start costs two inferences.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engines.cache import used
from engines.engine import Engine, EngineShape, Precision
from engines.errors import EngineError
from engines.files import write_atomically
from engines.profile import Profile

MIN_PSNR_DB = 40.0
_LEAST_PSNR_DB: dict[Precision, float] = {"i8": 30.0}
"""Where it is another: of what no camera sees, as the waves here, 8 bits may decide which way it
moved. What is wrong is further away still."""

Kind = Literal["scenes", "stripes"]


def fixed_frames(height: int, width: int) -> NDArray[np.uint8]:
    """Two frames that exercise a network: waves with hard edges, and a scene that was shaken.

    What a network takes for the motion has to be clear in them. Of bare ramps, smeared alike to the
    left and to the right, rounding decides which way things went, and one that reads motion is
    35 dB from itself in bf16; on 72 blurred photographs it never is less than 48.

    Returns:
        uint8 (2, height, width, 3), the same on every machine: integer arithmetic only.
    """
    y, x = np.mgrid[:height, :width].astype(np.int64)
    waves = [(x * (3 + c) + y * (5 - c) + (x * y >> (4 + c))) & 255 for c in range(3)]
    texture = np.stack(waves, axis=-1)
    scene = sum(_blocks(x, y, side) * share for side, share in ((64, 3), (24, 2), (8, 2), (3, 1)))
    shifts = range(-8, 8)  # along a line, slanted as a hand's
    shaken = sum(np.roll(scene // 8, (a // 2, a), axis=(0, 1)) for a in shifts) // len(shifts)
    return np.stack([texture, shaken]).astype(np.uint8)


def striped_frame(height: int, width: int) -> NDArray[np.uint8]:
    """Stripes as of a blind: what f16 cannot hold the squared Fourier transform of.

    An engine that overflows makes them black, and is exact on everything that has no such rhythm.

    Returns:
        uint8 (1, height, width, 3), the same on every machine.
    """
    row = np.where(np.arange(width) // 4 % 2, 20, 200).astype(np.uint8)
    return np.broadcast_to(row[None, None, :, None], (1, height, width, 3)).copy()


def _blocks(x: NDArray[np.int64], y: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Squares of random colours, 0 to 255, by a hash of their places."""
    place = x // side * 374761393 + y // side * 668265263 + side * 7919
    channels = []
    for channel in range(3):
        bits = (place + channel * 97) & 0xFFFFFFFF
        bits = ((bits ^ (bits >> 13)) * 1274126177) & 0xFFFFFFFF
        channels.append((bits ^ (bits >> 16)) & 255)
    return np.stack(channels, axis=-1)


_FRAMES: dict[Kind, Callable[[int, int], NDArray[np.uint8]]] = {
    "scenes": fixed_frames,
    "stripes": striped_frame,
}


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two uint8 arrays; 100 dB where they are equal."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 100.0 if error == 0 else min(100.0, 10.0 * float(np.log10(255.0**2 / error)))


def least_psnr_db(precision: Precision) -> float:
    """How close to the fp32 reference an engine has to come, in dB."""
    return _LEAST_PSNR_DB.get(precision, MIN_PSNR_DB)


def self_check(
    engine: Engine,
    profile: Profile,
    *,
    cache: Path | None,
    say: Callable[[str], None] = lambda line: None,
) -> float:
    """How close the engine is to the reference, in dB: the worst frame of every batch size.

    Raises:
        EngineError: it is further away than 40 dB, or 30 in i8, or the reference cannot be had.
    """
    shape = engine.facts.shape
    kinds: tuple[Kind, ...] = ("scenes", "stripes")
    worst = 100.0
    for kind in kinds if engine.facts.precision == "f16" else kinds[:1]:
        frames = _FRAMES[kind](shape.height, shape.width)
        expected = reference(profile, shape, kind, cache=cache, say=say)
        for batch in range(1, shape.max_batch + 1):
            for first in range(0, max(len(frames), batch), batch):
                taken = np.arange(first, first + batch) % len(frames)
                found = engine(frames[taken])
                worst = min(worst, *map(psnr_db, found, expected[taken]))
    least = least_psnr_db(engine.facts.precision)
    if worst < least:
        raise EngineError(
            f"self-check: only {worst:.1f} dB from the fp32 reference, {least:.0f} dB is the least"
        )
    return worst


def reference(
    profile: Profile,
    shape: EngineShape,
    kind: Kind = "scenes",
    *,
    cache: Path | None,
    say: Callable[[str], None] = lambda line: None,
) -> NDArray[np.uint8]:
    """What fp32 makes of a kind of fixed frames at this size, computed once and kept."""
    kept = None if cache is None else cache / f"reference-{_key(profile, shape, kind)}.rgb"
    frames = _FRAMES[kind](shape.height, shape.width)
    if kept is not None and os.path.isfile(kept):
        try:
            answer = _load(kept, frames.shape)
            used(kept)
            return answer
        except (OSError, ValueError) as error:
            say(f"kept reference {kept.name} does not load, making it again: {error}")
    answer = _compute(profile, shape, frames)
    if kept is not None:
        try:
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(kept, lambda temporary: _save(temporary, answer))
        except OSError as error:
            say(f"the reference is not kept: {kept.parent}: {error.strerror}")
    return answer


def _save(path: Path, answer: NDArray[np.uint8]) -> None:
    """The SHA-256 of the pixels, and the pixels."""
    pixels = answer.tobytes()
    path.write_bytes(hashlib.sha256(pixels).digest() + pixels)


def _load(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Raises ValueError or OSError where it is not whole: engines would be refused for it."""
    data = path.read_bytes()
    size = hashlib.sha256().digest_size
    if hashlib.sha256(data[size:]).digest() != data[:size]:
        raise ValueError("it does not match its checksum")
    return np.frombuffer(data, np.uint8, offset=size).reshape(shape)


def golden_psnr_db(profile: Profile) -> float:
    """How close the fp32 reference here is to what torch computed where the profile was made.

    Raises:
        EngineError: there is no reference, as OpenVINO does not load.
    """
    given, expected = profile.golden
    golden = EngineShape(height=given.shape[1], width=given.shape[2])
    small = _in_fp32(profile, golden)
    found = np.concatenate([small(given[i : i + 1]) for i in range(len(given))])
    return psnr_db(found, expected)


def _compute(profile: Profile, shape: EngineShape, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    distance = golden_psnr_db(profile)
    if distance < MIN_PSNR_DB:
        raise EngineError(
            f"the fp32 reference on this machine is {distance:.1f} dB from the profile's golden "
            "sample: OpenVINO does not compute correctly here, or the profile's graph is wrong"
        )
    large = _in_fp32(profile, EngineShape(height=shape.height, width=shape.width))
    return np.concatenate([large(frames[i : i + 1]) for i in range(len(frames))])


def _in_fp32(profile: Profile, shape: EngineShape) -> Engine:
    try:
        from engines.openvino import OpenVINOEngine
    except ImportError as error:
        raise EngineError(
            f"OpenVINO, whose fp32 every engine is checked against, does not load: {error}"
        ) from error
    return OpenVINOEngine(profile, shape, "f32")


def _key(profile: Profile, shape: EngineShape, kind: Kind) -> str:
    version = {"scenes": "2", "stripes": "stripes"}[kind]
    text = f"{profile.graph_sha256} {shape.height} {shape.width} {os.cpu_count()} {version}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
