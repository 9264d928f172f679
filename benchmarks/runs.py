"""Runs of the pipeline that a benchmark looks at afterwards."""

from stream.errors import StreamError
from stream.pipeline import Pipeline


def run_whole(pipeline: Pipeline) -> None:
    """From start to close.

    Raises:
        StreamError: a part of it failed, so its figures mean nothing.
    """
    pipeline.run()
    raise_problems(pipeline)


def raise_problems(pipeline: Pipeline) -> None:
    """Raises StreamError where a part of a run that is over failed."""
    if pipeline.problems:
        raise StreamError("; ".join(pipeline.problems))
