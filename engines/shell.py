"""Words of the commands that the user is offered."""

import os
import re
import shlex
import subprocess
from pathlib import Path


def shell_word(text: str | Path, *, windows: bool = os.name == "nt") -> str:
    """As one word for the user's shell: in quotation marks where it needs them.

    Args:
        windows: as cmd.exe and PowerShell take it, to which apostrophes or ampersands mean
            something else than to a POSIX shell.
    """
    if not windows:
        return shlex.quote(str(text))
    word = subprocess.list2cmdline([str(text)])
    return word if word.startswith('"') or re.fullmatch(r"[\w\\/:.+-]+", word) else f'"{word}"'
