"""Figures as JSON, and a table of them beside that to be read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.files import first_problem, is_device, writable_problem, write_text_atomically


def problem_of(json_file: Path | None, chart: Path | None) -> str | None:
    """What to tell the user, before anything is measured, where the files could not be written."""
    if json_file is not None and json_file == _table_beside(json_file):
        return f"{json_file} is where the table goes; name the JSON {json_file.stem}.json, say"
    table = None if json_file is None else _table_beside(json_file)
    return first_problem(json_file, table) or chart_problem(chart)


def chart_problem(path: Path | None) -> str | None:
    """What to tell the user, before anything is measured, where no chart could be written."""
    if path is None:
        return None
    from matplotlib.figure import Figure  # takes a second to load

    if path.suffix.lower().removeprefix(".") not in Figure().canvas.get_supported_filetypes():
        return f"{path}: name a chart that ends in .png, .svg or .pdf"
    return writable_problem(path)


def write_figures(json_file: Path, result: Mapping[str, Any], table: str) -> None:
    """Raises OSError where a file cannot be written."""
    write_text_atomically(json_file, json.dumps(result, indent=2) + "\n")
    if (beside := _table_beside(json_file)) is not None:
        write_text_atomically(beside, table)


def _table_beside(json_file: Path) -> Path | None:
    """None for a device or a pipe, which has nothing beside it."""
    return None if is_device(json_file) else json_file.with_suffix(".md")
