"""CURVE keys: who may subscribe, and proof of who publishes.

A key is a pair of files, ``NAME.key`` (public, to be given away) and ``NAME.key_secret`` (readable
by its owner only), as pyzmq writes them. A publisher lets in those whose public keys lie in its
folder of authorised keys when they connect.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zmq
import zmq.auth

from engines.folders import user_keys
from stream.errors import StreamError

AUTHORISED = "authorised"


@dataclass(frozen=True, repr=False)
class Key:
    """A key in memory. ``secret`` is None where only the public half is known."""

    public: bytes
    secret: bytes | None


def new_key(name: str, folder: Path | None = None) -> Path:
    """Make a pair; returns the public file.

    Raises:
        StreamError: the name is not a plain word, or is taken.
    """
    folder = folder or user_keys()
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise StreamError(f"{name!r} is not a name for a key; use letters, digits, - and _")
    public = folder / f"{name}.key"
    if public.exists() or public.with_suffix(".key_secret").exists():
        raise StreamError(f"{public} is there already; keys are not overwritten")
    (folder / AUTHORISED).mkdir(parents=True, exist_ok=True, mode=0o700)
    _, secret = zmq.auth.create_certificates(str(folder), name)
    Path(secret).chmod(0o600)
    return public


def load_key(name_or_file: str, *, with_secret: bool) -> Key:
    """A key by name in the user's folder, or by file.

    Raises:
        StreamError: it is not there, or holds no key.
    """
    file = Path(name_or_file)
    own = user_keys() / f"{name_or_file}.key{'_secret' if with_secret else ''}"
    if file.parent == Path() and (own.is_file() or not file.exists()):
        file = own
    try:
        public, secret = zmq.auth.load_certificate(str(file))
    except (OSError, ValueError):
        raise StreamError(
            f"no key in {file}; `blur2blur keys new NAME` makes one, and its NAME.key is to be "
            "given away"
        ) from None
    if with_secret and secret is None:
        raise StreamError(f"{file} holds no secret key; name the file that ends in .key_secret")
    return Key(public, secret)


def authorised_folder(given: str | None) -> Path:
    """The folder of public keys that are let in.

    Raises:
        StreamError: it is not there.
    """
    folder = Path(given) if given else user_keys() / AUTHORISED
    if not folder.is_dir():
        raise StreamError(
            f"{folder} is not a folder; put the .key files of those there who may subscribe"
        )
    return folder


class AuthorisedKeys:
    """The public keys of a folder, as ``configure_curve_callback`` of pyzmq asks for them.

    The folder is read whenever somebody connects, so keys may be added and taken away meanwhile. A
    file that holds no key is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether the owner of this key is let in."""
        for file in self._folder.glob("*.key"):
            with suppress(OSError, ValueError):
                if zmq.auth.load_certificate(file)[0] == key:
                    return True
        return False


def new_pair() -> Key:
    """A key for this process only, for a publisher that lets in anybody who knows its own key."""
    public, secret = zmq.curve_keypair()
    return Key(public, secret)
