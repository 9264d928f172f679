"""Compiled engines that are kept: each whole, checked, and used only where everything fits.

An engine lies in a folder of its own, named by its backend and a digest of its key::

    openvino-3f…/engine.blob  what the backend wrote
    openvino-3f…/card.json    the key in words, its SHA-256, when it was built and how long it took

The folder is filled under another name and renamed, so it is there whole or not at all. Where two
processes build the same engine at once, the first to finish is kept. What nobody used for two
months, as after an update, goes when the next engine is kept.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engines.files import sha256_of

CARD = "card.json"
_UNUSED_S = 60 * 86400.0
_DRAFT = ".draft-"
_DRAFT_S = 86400.0

_NAME = re.compile(r"[a-z]+-[0-9a-f]{32}")
Loaded = TypeVar("Loaded")
Key = Mapping[str, Any]
"""Everything that decides whether a compiled engine may be used again, as plain JSON values.
``backend`` is a part of it."""


@dataclass(frozen=True)
class KeptEngine:
    """An engine in the cache, and what its card says."""

    folder: Path
    card: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def file(self) -> Path:
        """What the backend wrote."""
        return self.folder / str(self.card["file"])


class EngineCache:
    """The kept engines of one folder.

    Args:
        folder: made when the first engine is kept; None keeps none.
        say: takes a line where something goes otherwise than hoped: an engine does not load and is
            built again, or cannot be kept.
        suffix: that the backend wants its files to have.
    """

    def __init__(
        self,
        folder: Path | None,
        say: Callable[[str], None] = lambda line: None,
        *,
        suffix: str = ".blob",
    ) -> None:
        self._folder = folder
        self._say = say
        self._file = f"engine{suffix}"
        self._replaceable: set[Path] = set()

    def load(self, key: Key, read: Callable[[Path], Loaded]) -> Loaded | None:
        """What ``read`` makes of the kept engine of this key; None where there is none that loads.

        One that is damaged, or that ``read`` raises for, is removed, and a line says why. Where it
        is a file or memory that is not to be had now, it stays until :meth:`keep` has another.
        """
        if self._folder is None:
            return None
        folder = self._folder / folder_name(key)
        if not os.path.isdir(folder):
            return None
        if (problem := sharing_problem(self._folder)) is not None:
            self._say(f"kept engines are not used: {problem}")
            return None
        try:
            engine = _checked(folder, key)
            read_in = read(engine.file)
            used(folder)
            return read_in
        except Exception as error:  # whatever a library thinks of the file, it is built again
            reason = str(error).strip().splitlines()
            self._say(
                f"kept engine {folder.name} does not load, building it again: "
                f"{reason[-1] if reason else type(error).__name__}"
            )
            if isinstance(error, (OSError, MemoryError)):
                self._replaceable.add(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)
            return None

    def keep(self, key: Key, write: Callable[[Path], object], *, build_s: float) -> None:
        """Let ``write`` fill a file, and keep it under this key. Failing costs a line only."""
        if self._folder is None:
            return
        try:
            if (problem := private_folder_problem(self._folder)) is not None:
                self._say(f"the compiled engine is not kept: {problem}")
                return
            self._place(key, write, build_s)
            remove_unused(self._folder)
        except OSError as error:
            self._say(f"the compiled engine is not kept: {self._folder}: {error.strerror}")
        except Exception as error:  # whatever a library raises: keeping is a convenience
            self._say(f"the compiled engine is not kept: {type(error).__name__}: {error}")

    def _place(self, key: Key, write: Callable[[Path], object], build_s: float) -> None:
        assert self._folder is not None
        draft = self._folder / f"{_DRAFT}{secrets.token_hex(6)}"
        draft.mkdir(mode=0o700)
        try:
            file = draft / self._file
            write(file)
            with file.open("rb+") as written:
                os.fsync(written.fileno())
            card = {
                "key": dict(key),
                "file": self._file,
                "bytes": file.stat().st_size,
                "sha256": sha256_of(file),
                "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "build_s": round(build_s, 1),
            }
            (draft / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
            place = self._folder / folder_name(key)
            if place in self._replaceable:
                _remove(place)
            try:
                draft.rename(place)
            except OSError:
                if not os.path.isdir(place):
                    raise  # else another process was first, and its engine is as good
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def kept_engines(folder: Path) -> list[KeptEngine]:
    """The engines that are kept in a folder, the newest first; damaged ones have an empty card."""
    found = []
    for place in folder.iterdir() if folder.is_dir() else ():
        if place.is_dir() and _NAME.fullmatch(place.name):
            try:
                card = json.loads((place / CARD).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                card = {}
            found.append(KeptEngine(place, card if isinstance(card, dict) else {}))
    return sorted(found, key=lambda engine: str(engine.card.get("built", "")), reverse=True)


def remove(engine: KeptEngine) -> None:
    """Remove a kept engine.

    Raises:
        OSError: it cannot be removed.
    """
    _remove(engine.folder)


def used(kept: Path) -> None:
    """Note that something that is kept was used just now."""
    with suppress(OSError):  # a read-only cache is none that would be tidied
        os.utime(kept)


def remove_unused(folder: Path) -> None:
    """Remove what was not used for two months, and drafts of processes that were killed."""
    now = time.time()
    for place in folder.iterdir():
        limit_s = _DRAFT_S if place.name.startswith(_DRAFT) else _UNUSED_S
        with suppress(OSError):  # another process was quicker, or nothing can be removed
            if now - place.stat().st_mtime > limit_s:
                _remove(place)


def clear(folder: Path) -> int:
    """Remove everything that is kept in a folder; how many things that were.

    Raises:
        OSError: one cannot be removed; those after it stay, too.
    """
    places = list(folder.iterdir()) if folder.is_dir() else []
    for place in places:
        _remove(place)
    return len(places)


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def folder_name(key: Key) -> str:
    """Backend and digest: another key, another name."""
    text = json.dumps(dict(key), sort_keys=True)
    return f"{key['backend']}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def private_folder_problem(folder: Path) -> str | None:
    """Make a folder that is this user's alone; why one that is there already is not.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return sharing_problem(folder)


def is_private(folder: Path) -> bool:
    """Whether a folder is there, or can be made, that nobody else writes to."""
    try:
        return private_folder_problem(folder) is None
    except OSError:
        return False


def sharing_problem(folder: Path) -> str | None:
    """Why what lies in a folder is not to be trusted: others may write there.

    A compiled engine is a program; one that another user has put there would run as this one.
    """
    if os.name != "posix":
        return None
    facts = folder.stat()
    if facts.st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others may write to {folder}; chmod go-w makes it yours alone"
    return None


def _checked(folder: Path, key: Key) -> KeptEngine:
    """The engine of a folder.

    Raises:
        ValueError: it is not whole, or another.
        OSError: it cannot be read now.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        engine = KeptEngine(folder, card)
        if card["key"] != json.loads(json.dumps(dict(key))):
            raise ValueError("it is of another key")
        if sha256_of(engine.file) != card["sha256"]:
            raise ValueError("it does not match its checksum")
        return engine
    except (FileNotFoundError, KeyError, TypeError) as error:
        raise ValueError(f"it is not whole: {error}") from error
