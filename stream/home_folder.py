"""``~``, the user's home folder, where no shell has spelled it out."""

import os
import re

_IN_HOME = re.compile(r"(?P<option>(?:--[\w-]+=)?)(?P<path>~(?:[/\\].*)?)", re.DOTALL)


def with_home(text: str) -> str:
    """A path with the home folder for a ``~`` that it begins with, or its ``--option=`` does.

    Shells leave that to the program behind a ``=`` and in quotes, and Windows' leave it always.
    Names that only begin with ``~`` stay: they are files' as often as users'.
    """
    found = _IN_HOME.fullmatch(text)
    if found is None:
        return text
    return found["option"] + os.path.expanduser(found["path"])  # noqa: PTH111 (it never fails)
