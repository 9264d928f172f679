"""The file of an ``ipc://`` socket: whether it may be bound."""

import os.path
import socket
from pathlib import Path

_ANSWER_S = 1.0


def socket_file_problem(file: Path) -> str | None:
    """Why a new socket may not take this file, None where it may.

    ZeroMQ removes whatever has the name. Only what a publisher that was killed has left may go.
    """
    if not os.path.lexists(file) or not hasattr(socket, "AF_UNIX"):
        return None
    if not file.is_socket():
        return "the file is there and no socket; name another path"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_ANSWER_S)
        try:
            client.connect(str(file))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except (TimeoutError, BlockingIOError):
            pass  # it has more to do than to answer
        except OSError as error:
            return error.strerror or str(error)
    return "it is in use by another publisher; name another path"
