"""What a session's sidecar says of it while it is recorded, and at its end."""

from dataclasses import replace

from stream.hands.session import BY_ARRIVAL, BY_STAMP, Sidecar
from stream.hands.session_recorder import SessionRecorder
from stream.pipeline import Pipeline


def so_far(sidecar: Sidecar, pipeline: Pipeline, recorder: SessionRecorder) -> Sidecar:
    """The sidecar with what a killed session would lack, from the tracker's thread."""
    info = pipeline.statuses[0].info
    chosen = pipeline.deblurring.chosen
    engine = {}
    if chosen is not None:
        facts = chosen.engine.facts
        engine = {
            "backend": facts.backend,
            "precision": facts.precision,
            "profile": facts.profile,
        }
    return replace(
        sidecar,
        begun=recorder.begun or sidecar.begun,
        clock=BY_ARRIVAL if info and info.by_arrival else BY_STAMP,
        first_pts_s=recorder.first_pts_s,
        width=info.width if info else 0,
        height=info.height if info else 0,
        fps=info.fps if info else None,
        pauses_s=_rounded(recorder.pauses_s),
        outages_s=_rounded(recorder.outages_s),
        engine={**engine, **sidecar.engine},
    )


def completed(
    sidecar: Sidecar,
    pipeline: Pipeline,
    recorder: SessionRecorder,
) -> Sidecar:
    """The sidecar with what was recorded until the end, and what was not."""
    dropped = {
        f"dropped_{cause}": count
        for cause, count in recorder.dropped.items()
        if cause != "stopped"  # after the last recorded one
    }
    return replace(
        so_far(sidecar, pipeline, recorder),
        frames={
            "captured": recorder.captured,
            "tracked": recorder.frames,
            "not_looked_at": recorder.captured - recorder.frames,
            "with_hand": recorder.with_hand,
            "seen_as_other_hand": recorder.as_other_hand,
            **{cause: count for cause, count in dropped.items() if count},
        },
    )


def _rounded(times_s: list[list[float]]) -> list[list[float]]:
    return [[round(edge, 3) for edge in pair] for pair in times_s]
