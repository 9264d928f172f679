"""Addresses of ZeroMQ: ``zmq+tcp://127.0.0.1:5555?option=value`` and ``zmq+ipc:///path``."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from stream.errors import StreamError
from stream.home_folder import with_home
from stream.uri import host_of, scheme_of

SCHEMES = ("zmq+tcp", "zmq+ipc")
_MAX_PORT = 65535


@dataclass(frozen=True)
class Endpoint:
    """Where a socket binds or connects, as libzmq writes it, and the options behind the ``?``."""

    address: str
    options: Mapping[str, str]

    @property
    def loopback(self) -> bool:
        """Nobody on another machine can reach it."""
        return self.address.startswith("ipc:") or is_loopback(host_of(self.address))

    @property
    def ipv6(self) -> bool:
        """Its host is an address of IPv6, which ZeroMQ wants to be told."""
        return self.address.startswith("tcp:") and ":" in host_of(self.address)

    @property
    def chosen_when_bound(self) -> bool:
        """The system chooses the port or the path."""
        return self.address.endswith((":*", ":0")) or self.address == "ipc://*"

    @property
    def file(self) -> Path | None:
        """The socket's file, None where there is none, or none yet."""
        path = self.address.removeprefix("ipc://")
        if path == self.address or path.startswith("@") or path == "*":
            return None
        return Path(path)


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address is this machine, seen by itself only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_endpoint(uri: str, allowed: set[str]) -> Endpoint:
    """Read an address; ``zmq+`` in front may be left out.

    Args:
        allowed: the options that may stand behind the ``?``.

    Raises:
        StreamError: it is not of this form, or has an option that is empty or not allowed.
    """
    scheme = scheme_of(uri)
    kind = scheme.removeprefix("zmq+")
    place, _, query = uri.partition("?")
    rest = place[len(scheme) + len("://") :]
    if f"zmq+{kind}" not in SCHEMES or not rest:
        raise StreamError(f"{place} is not like zmq+tcp://127.0.0.1:5555 or zmq+ipc:///tmp/camera")
    port = rest.rpartition(":")[2]
    if kind == "tcp" and not (":" in rest and (port.isdecimal() or port == "*")):
        raise StreamError(f"{place} lacks a port; name it like zmq+tcp://127.0.0.1:5555")
    if kind == "tcp" and port.isdecimal() and int(port) > _MAX_PORT:
        raise StreamError(f"{place}: ports go up to {_MAX_PORT}; name one like 5555")
    plus_stays = query.replace("+", "%2B")  # a space in forms of the web only
    options = dict(parse_qsl(plus_stays, keep_blank_values=True))
    if unknown := options.keys() - allowed:
        known = ", ".join(sorted(allowed))
        raise StreamError(f"{place}: no option {', '.join(sorted(unknown))}; there are {known}")
    if empty := sorted(name for name, value in options.items() if not value):
        raise StreamError(f"{place}: {empty[0]}= is empty; put a value behind it, or leave it out")
    values = {name: with_home(value) for name, value in options.items()}  # files of keys
    return Endpoint(f"{kind}://{rest}", values)
