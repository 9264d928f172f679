"""Who may connect: answers in ZeroMQ's authentication protocol (ZAP, https://rfc.zeromq.org/27)."""

from collections.abc import Sequence
from threading import Thread

import zmq

from stream.keys import AuthorisedKeys

_PLACE = "inproc://zeromq.zap.01"  # where libzmq asks
_VERSION = b"1.0"
_LET_IN = b"200", b"OK"
_SHUT_OUT = b"400", b"this key is not authorised"


class Authenticator:
    """Lets in those with an authorised key, on all CURVE sockets of a context.

    Who cannot be looked up is shut out. It ends with the context, whose ``term()`` waits for it.
    (pyzmq's own runs an event loop, which on Windows needs a further package.)
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", keys: AuthorisedKeys) -> None:
        self._keys = keys
        self._socket = context.socket(zmq.REP)
        self._socket.bind(_PLACE)
        Thread(target=self._answer_all, name="authenticator", daemon=True).start()

    def _answer_all(self) -> None:
        try:
            while True:
                self._socket.send_multipart(self._answer(self._socket.recv_multipart()))
        except zmq.ContextTerminated:
            pass
        finally:
            self._socket.close(linger=0)

    def _answer(self, request: list[bytes]) -> Sequence[bytes]:
        _, number, _domain, _address, _identity, mechanism, *credentials = request
        try:
            known = mechanism == b"CURVE" and self._keys.holds(credentials[0])
        except Exception:  # they may come again, and this thread is there for all others, too
            known = False
        nothing = b""  # neither a user's name nor anything else is told of them
        return _VERSION, number, *(_LET_IN if known else _SHUT_OUT), nothing, nothing
