"""Which clip is which: one may lie elsewhere the next time, and others may be called alike."""

import hashlib
import os
from collections.abc import MutableMapping
from itertools import chain, count
from pathlib import Path

_HEAD_BYTES = 1 << 20


def clip_identity(uri: str) -> str:
    """The same for a file wherever it lies, by its size and its first MiB; else the address's."""
    if not os.path.isfile(uri):
        return hashlib.sha256(uri.encode()).hexdigest()
    with Path(uri).open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
        return f"{os.fstat(file.fileno()).st_size}-{head}"


def name_clip(clips: MutableMapping[str, str], wanted: str, identity: str) -> str:
    """What a clip is called: as it was before, else as wanted, numbered where another is so called.

    Args:
        clips: identities by names; a new clip is entered.
    """
    for name, known in clips.items():
        if known == identity:
            return name
    numbered = (f"{wanted}-{number}" for number in count(2))
    name = next(name for name in chain([wanted], numbered) if name not in clips)
    clips[name] = identity
    return name
