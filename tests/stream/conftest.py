"""A publisher, over each kind of socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.output import open_output
from stream.output.publisher import Publisher


@pytest.fixture(params=["tcp", "ipc"])
def publisher(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Publisher]:
    place = "127.0.0.1:*" if request.param == "tcp" else str(tmp_path / "socket")
    made = open_output(f"zmq+{request.param}://{place}")
    assert isinstance(made, Publisher)
    yield made
    made.close()
