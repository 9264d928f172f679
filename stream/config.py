"""A TOML file for everything that a command takes on the command line."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stream.errors import StreamError
from stream.home_folder import with_home


def read_config(path: Path, known: Collection[str]) -> dict[str, Any]:
    """Options by name, as the command line would have given them.

    Names are the options' own, with ``-`` or ``_``: ``source = ["0"]``, ``batch-wait-ms = 5``.
    Paths may begin with ``~``.

    Raises:
        StreamError: the file cannot be read, is not TOML, or names an option that is not there.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors mark it
    except (OSError, ValueError) as error:
        raise StreamError(f"{path} cannot be read as TOML: {error}") from None
    values = {name.replace("-", "_"): _with_home(value) for name, value in content.items()}
    if unknown := sorted(values.keys() - set(known)):
        raise StreamError(
            f"{path}: nothing is known of {', '.join(unknown)}; "
            f"there are {', '.join(sorted(known))}"
        )
    return values


def _with_home(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_home(one) for one in value]
    return with_home(value) if isinstance(value, str) else value
