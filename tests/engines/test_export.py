from pathlib import Path

import pytest

from engines.export import export_deblurrer
from tests.conftest import files_no_larger_than
from tests.engines.conftest import SPEC, trained


def test_full_disk_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    weights = {key.removeprefix("x."): value for key, value in trained(SPEC, "x").items()}
    with files_no_larger_than(1000), pytest.raises(OSError, match="File too large"):
        export_deblurrer(tmp_path / "x", name="x", network=SPEC, weights=weights, card={})
    assert not list(tmp_path.iterdir())
