"""A profile as one file, to keep or to give away."""

import json
import lzma
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from functools import partial
from itertools import chain
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError, ProfileError
from engines.files import write_atomically, write_folder_atomically
from engines.idle_channels import without_idle
from engines.profile import CARD, GOLDEN, GRAPH, WEIGHTS, Profile, check_profile_name, load_profile
from engines.selfcheck import MIN_PSNR_DB, golden_psnr_db

_BESIDE_CARD = (GRAPH, WEIGHTS, GOLDEN)
_FILES = (CARD, *_BESIDE_CARD)
_MAX_BYTES = 1 << 30
_NO_ARCHIVE = (OSError, EOFError, RuntimeError)  # the last where it is locked by a password


def export_archive(profile: Profile, to: Path) -> None:
    """Write a checked profile as a zip file, whole or not at all.

    Raises:
        OSError: the folder is missing, read-only or full.
    """

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(
            temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False
        ) as archive:
            card = {**profile.card, "name": profile.name}
            archive.writestr(CARD, json.dumps(card, indent=2) + "\n")
            for file in _BESIDE_CARD:
                archive.write(profile.folder / file, file)

    write_atomically(to, write)


def import_archive(source: Path, profiles: Path, name: str | None = None) -> Profile:
    """Check an archive and add it to a folder of profiles; one of that name is not replaced.

    Nothing in it is executed. It must hold exactly a profile's files, with the checksums on its
    card, finite weights, and a graph that computes here what it computed where it was made.

    Args:
        name: what to call it; what its card says if not given.

    Raises:
        ProfileError: it is no profile, or does not fit; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="blur2blur-") as temporary:
        draft = Path(temporary) / "profile"
        _unpack(source, draft)
        profile = _loaded(source, draft)
        called = profile.name if name is None else name
        check_profile_name(called)
        folder = profiles / called
        if folder.exists():
            raise ProfileError(f"there is a profile {called} already; say another name")
        _check_graph(source, profile)
        write_folder_atomically(folder, partial(_copy, draft))
    return load_profile(str(folder))


def _loaded(source: Path, draft: Path) -> Profile:
    try:
        return load_profile(str(draft))
    except ProfileError as error:
        raise ProfileError(str(error).replace(str(draft), str(source))) from None


def _check_graph(source: Path, profile: Profile) -> None:
    """It holds the weights, and computes here what it did where it was made."""
    try:
        _check_weights(profile)
        _check_networks(profile)
        distance = golden_psnr_db(profile)
    except ProfileError as error:
        why = str(error).replace(f"{profile.folder}{os.sep}", "")
        raise ProfileError(f"{source}: {why}") from None
    except (EngineError, OSError, ValueError, LookupError, MemoryError) as error:
        why = str(error) or type(error).__name__
        raise ProfileError(f"the graph in {source} does not run here: {why}") from None
    if distance < MIN_PSNR_DB:
        raise ProfileError(
            f"{source} computes {distance:.1f} dB from what it did where it was made; "
            f"{MIN_PSNR_DB:.0f} dB is the least"
        )


def _check_weights(profile: Profile) -> None:
    """They are those of the graph, as far as it has them by name: some are folded, or shared.

    Raises:
        ProfileError: they are others, or of other names.
    """
    from engines.openvino import graph_constants

    of_graph = graph_constants(profile.graph)
    whole, narrower = profile.weights, without_idle(profile.weights)
    known = [
        (name, constant)
        for name in whole
        if (constant := of_graph.get(f"{name}_fp16", of_graph.get(name))) is not None
    ]

    def is_of_graph(name: str, constant: NDArray[np.generic]) -> bool:
        return any(np.array_equal(constant, tensors[name]) for tensors in (whole, narrower))

    if not known or not all(is_of_graph(*pair) for pair in known):
        raise ProfileError("its weights are not those of its graph")


def _check_networks(profile: Profile) -> None:
    """They are those that the card tells of, as far as networks can be built here.

    Raises:
        ProfileError: they are of other names or shapes, or the card tells of what cannot be built
            or of another multiple than theirs.
    """
    try:
        from engines.networks import network_shapes, read_specification
    except ImportError:  # without torch, which alone goes by the card
        return
    multiples = [1]
    shapes: dict[str, tuple[int, ...]] = {}
    for part in ("translator", "deblurrer"):
        told = profile.card[part]
        try:
            if _blocks(told) > len(profile.weights):
                raise ProfileError("it tells of more blocks than there are weights")
            of_network = network_shapes(told)
            if told["architecture"] != "identity":
                multiples.append(read_specification(told).multiple)
        except (ProfileError, ArithmeticError, RuntimeError, TypeError, ValueError) as error:
            raise ProfileError(f"its card's {part} cannot be built: {error}") from None
        shapes |= {f"{part}.{key}": shape for key, shape in of_network.items()}
    if shapes != {name: weights.shape for name, weights in profile.weights.items()}:
        raise ProfileError("its weights are not of the networks that its card tells of")
    if profile.card["multiple"] != lcm(*multiples):
        raise ProfileError(
            f"its card's multiple is {profile.card['multiple']}; that of its networks is "
            f"{lcm(*multiples)}"
        )


def _blocks(told: Mapping[str, Any]) -> int:
    """At least as many as a network would be built of, each of which has weights."""
    told_of = [value for key, value in told.items() if key.endswith("blocks")]
    counts = chain.from_iterable(v if isinstance(v, list) else [v] for v in told_of)
    return sum(1 + abs(count) for count in counts)


def _copy(draft: Path, to: Path) -> None:
    for file in _FILES:
        (to / file).write_bytes((draft / file).read_bytes())


def _unpack(source: Path, draft: Path) -> None:
    draft.mkdir()
    try:
        with zipfile.ZipFile(source) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if set(entries) != set(_FILES):
                raise ProfileError(f"{source} is no profile: it holds {', '.join(sorted(entries))}")
            if sum(entry.file_size for entry in entries.values()) > _MAX_BYTES:
                raise ProfileError(f"{source} is larger than {_MAX_BYTES >> 20} MiB unpacked")
            for name in _FILES:
                (draft / name).write_bytes(archive.read(name))
    except (*_NO_ARCHIVE, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise ProfileError(f"{source} cannot be read as a profile: {error}") from None
