"""A display of an X server that shows its pixels to nobody."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def virtual_display(*options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its name, and the server's process."""
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("needs Xvfb and xdotool (Debian packages xvfb, xdotool)")
    ready, tells = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(tells), "-noreset", "-screen", "0", "800x600x24", *options],
        pass_fds=[tells],
    )
    os.close(tells)
    try:
        with os.fdopen(ready) as number:  # told when it listens; one before it may have left a file
            name = f":{number.readline().strip()}"
        yield name, server
    finally:
        server.terminate()
        server.wait()
