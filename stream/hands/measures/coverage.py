"""How much of the recorded time was looked at, and what that forbids to count."""

from stream.hands.measures.quality import Quality
from stream.hands.measures.signals import LEAST_SAMPLES, MAX_GAP_S

_LEAST_COVERED = 0.95


def uncounted(counted_s: float, quality: Quality) -> str:
    """Why what was counted is not the number in the whole session; empty where it is.

    Args:
        counted_s: how long all pieces without gaps are together.
    """
    if not counted_s:
        return unmeasured(quality)
    if counted_s < _LEAST_COVERED * quality.recorded_s:
        return (
            f"only {counted_s:.1f} of {quality.recorded_s:.1f} s were looked at: in the others the "
            "hand is missing, or frames are, or what is left between gaps is too short"
        )
    return ""


def unmeasured(quality: Quality) -> str:
    """Why there is no piece without gaps."""
    if 0 < quality.fps < 1 / MAX_GAP_S:
        return f"{quality.fps:.1f} frames a second; at least {1 / MAX_GAP_S:.0f} are needed"
    return (
        f"nowhere {LEAST_SAMPLES} frames with the hand without a gap of {1000 * MAX_GAP_S:.0f} ms"
    )
