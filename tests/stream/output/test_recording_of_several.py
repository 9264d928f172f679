"""A recording of several sources, the file of one of which cannot be written."""

from pathlib import Path

import pytest

from engines.pool import EnginePool
from stream.capture import Source, open_source
from stream.deblurring import Deblurring
from stream.errors import OutputError
from stream.output import open_output
from stream.pipeline import Pipeline
from tests.conftest import MakeClip, read_clip


def recorded(sources: list[Source], to: Path, *, spoilt: list[str]) -> tuple[Pipeline, list[str]]:
    """The run, and what it said; folders take names of files between the start and its frames."""
    said: list[str] = []
    recording = open_output(str(to), sources=[source.name for source in sources])
    for name in spoilt:
        (to.parent / name).mkdir()
    deblurring = Deblurring(EnginePool, "off")  # type: ignore[arg-type]
    pipeline = Pipeline(sources, [recording], deblurring, say=said.append)
    pipeline.run()
    return pipeline, said


def test_file_that_cannot_be_written_ends_no_other_recording(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    clips = [open_source(str(make_clip(name))) for name in ("left.mkv", "right.mkv")]
    pipeline, said = recorded(clips, tmp_path / "out.mkv", spoilt=["out-left.mkv"])
    assert len(read_clip(tmp_path / "out-right.mkv")) == 25
    (problem,) = pipeline.problems
    assert "out-left.mkv cannot be written: Is a directory" in problem
    assert said.count(problem) == 1
    (output,) = pipeline.outputs
    assert (output.written, output.dropped) == (25, 25)
    assert dict(pipeline.ledgers["left"].dropped) == {"output_failed": 25}
    assert pipeline.ledger.in_flight == 0


def test_endless_run_ends_when_no_file_is_left(tmp_path: Path) -> None:
    cameras = [open_source("synthetic:160x96@30") for _ in range(2)]
    cameras[0].name, cameras[1].name = "left", "right"
    spoilt = ["out-left.mkv", "out-right.mkv"]
    pipeline, said = recorded(cameras, tmp_path / "out.mkv", spoilt=spoilt)
    (problem,) = pipeline.problems
    assert all(name in problem for name in spoilt)
    assert len(said) == 2
    assert pipeline.ledger.output == 0


@pytest.mark.parametrize("name", ["out-left.mp4", "out-right.mp4"])
def test_folder_with_the_name_of_a_file_is_refused_before_anything_is_recorded(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=rf"{name} is a folder; name a file"):
        open_output(str(tmp_path / "out.mp4"), sources=("left", "right"))
