"""Runs of the pipeline that a benchmark looks at afterwards."""

import numpy as np

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


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95, p99 (what so many do not exceed, as the ledger has it), the largest, the count."""
    if not values:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0, "count": 0}
    p50, p95, p99 = (
        round(float(np.percentile(values, q, method="inverted_cdf")), 3) for q in (50, 95, 99)
    )
    return {"p50": p50, "p95": p95, "p99": p99, "max": round(max(values), 3), "count": len(values)}
