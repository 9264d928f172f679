"""CURVE keys: who may subscribe, and proof of who publishes.

A key is a pair of files, ``NAME.key`` (public, to be given away) and ``NAME.key_secret`` (readable
by its owner only), as pyzmq writes them. A publisher lets in those whose public keys lie in its
folder of authorised keys when they connect.
"""

import os.path
import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils import z85

from engines.folders import user_keys
from stream.errors import StreamError

AUTHORISED = "authorised"
_PUBLIC, _SECRET = ".key", ".key_secret"
_KEY_BYTES = 32
_NEW = "`blur2blur keys new NAME` makes one, and its NAME.key is to be given away"


@dataclass(frozen=True, repr=False)
class Key:
    """A key in memory, in Z85 (40 characters).

    ``secret`` is None where only the public half is known.
    """

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
    public = folder / f"{name}{_PUBLIC}"
    secret = public.with_suffix(_SECRET)
    if public.exists() or secret.exists():
        raise StreamError(f"{public} is there already; keys are not overwritten")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / AUTHORISED).mkdir(exist_ok=True, mode=0o700)
    secret.touch(mode=0o600, exist_ok=False)  # nobody else can open it before it is written
    zmq.auth.create_certificates(str(folder), name)
    return public


def load_key(name_or_file: str, *, with_secret: bool) -> Key:
    """A key by name in the user's folder, or by file.

    Raises:
        StreamError: it is not there, or holds no key.
    """
    file = _file_of(name_or_file, _SECRET if with_secret else _PUBLIC)
    key = _read(file)
    if with_secret and key.secret is None:
        raise StreamError(f"{file} holds no secret key; name the file that ends in {_SECRET}")
    return key


def _file_of(name_or_file: str, suffix: str) -> Path:
    file = Path(name_or_file)
    return _called(name_or_file, suffix) if file.parent == Path() else file


def _called(name: str, suffix: str) -> Path:
    """The user's key of this name, or the file here; a file first where it is called like one."""
    here = Path(name)
    if here.suffix in (_PUBLIC, _SECRET):
        own = user_keys() / name
        places = [here, own]
    else:
        own = user_keys() / f"{name}{suffix}"
        places = [own, here]
    for place in places:
        if os.path.isfile(place):
            return place
    raise StreamError(f"no key in {own}, nor in a file {name} here; {_NEW}")


def _read(file: Path) -> Key:
    """The key in a file as pyzmq writes it.

    Raises:
        StreamError: it is not there, cannot be read, or is not whole.
    """
    try:
        if not file.is_file():
            raise StreamError(f"no key in {file}; {_NEW}")
        public, secret = zmq.auth.load_certificate(file)
    except OSError as error:
        raise StreamError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, IndexError):
        public, secret = b"", None
    if not _is_whole(public) or not (secret is None or _is_whole(secret)):
        raise StreamError(
            f"no whole key in {file}; copy the file again from where it was made, or make a new "
            "one with `blur2blur keys new NAME`"
        )
    return Key(public, secret)


def _is_whole(key: bytes) -> bool:
    try:
        return len(z85.decode(key)) == _KEY_BYTES
    except (ValueError, KeyError, struct.error):
        return False


def authorised_folder(given: str | None, own_key: str) -> Path:
    """The folder of public keys that are let in: the one beside the publisher's own key.

    Args:
        given: another folder, or None.
        own_key: the publisher's own key, by name or file as for ``load_key``.

    Raises:
        StreamError: it is not there.
    """
    folder = Path(given) if given else _file_of(own_key, _SECRET).absolute().parent / AUTHORISED
    if not os.path.isdir(folder):
        raise StreamError(
            f"{folder} is not a folder; put the .key files of those there who may subscribe "
            "(`blur2blur keys new` makes such a folder beside the keys), or name another with "
            "&authorised=FOLDER"
        )
    return folder


class AuthorisedKeys:
    """The public keys of a folder.

    The folder is read whenever somebody connects, so keys may be added and taken away meanwhile. A
    file that holds no key is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, public: bytes) -> bool:
        """Whether the owner of this key (32 bytes) is let in."""
        wanted = z85.encode(public)
        for file in self._folder.glob(f"*{_PUBLIC}"):
            with suppress(StreamError):
                if _read(file).public == wanted:
                    return True
        return False


def new_pair() -> Key:
    """A key for this process only, for a publisher that lets in anybody who knows its own key."""
    public, secret = zmq.curve_keypair()
    return Key(public, secret)
