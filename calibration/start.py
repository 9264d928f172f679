"""What a run began with: a profile's weights, and what those had learned before."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calibration.checkpoint import load_checkpoint
from calibration.errors import CalibrationError
from engines.networks import NetworkSpec, named_specification, read_specification
from engines.profile import LEFT_BELOW, Profile, load_profile

_KEY = "start"


@dataclass(frozen=True, kw_only=True)
class Start:
    """The weights that a run began with.

    Attributes:
        profile: that held them, by name or folder.
        sha256: of the file of weights.
        training: what its card tells of how they came about.
        left_below: as of :func:`engines.fused.keep_still`; older checkpoints do not tell.
    """

    profile: str
    sha256: str
    training: Mapping[str, Any]
    left_below: float = LEFT_BELOW

    @property
    def hours(self) -> float:
        """That they had been trained for."""
        return float(self.training.get("hours_with_earlier_runs", self.training.get("hours", 0.0)))


def start_with(named: str, profile: Profile) -> Start:
    """A new run's, of a profile by the name or folder that it was called by."""
    training = profile.card.get("training", {})
    return Start(
        profile=named,
        sha256=profile.weights_sha256,
        training=training,
        left_below=profile.left_below,
    )


def start_of(checkpoint: Path, named: str | None) -> Start | None:
    """What the run of a checkpoint began with; a new run's is the profile that is named.

    Where the run goes on the profile need not be named again, nor be there any more.

    Raises:
        CalibrationError: the run began with something else than the profile that is named, or the
            checkpoint is damaged.
        ProfileError: there is no such profile.
    """
    given = None if named is None else start_with(named, load_profile(named))
    stored = load_checkpoint(checkpoint) if checkpoint.exists() else {}
    if _KEY not in stored:  # a new run, or an older one, which does not tell
        return given
    began = stored_start(stored)
    if given is not None and (began is None or began.sha256 != given.sha256):
        what = "fresh weights" if began is None else f"other weights, of profile {began.profile}"
        raise CalibrationError(
            f"{checkpoint} began with {what}, not with those of {given.profile}; leave --from out "
            "to go on, or name another --out"
        )
    return began


def network_of(model: str | None, start: str | None, checkpoint: Path) -> NetworkSpec:
    """The one that is named, that a run goes on with, or whose weights a new run begins with.

    Raises:
        CalibrationError: the checkpoint is damaged.
        ProfileError: there is no such network or profile.
    """
    if model is not None:
        return named_specification(model)
    if checkpoint.exists():
        return read_specification(load_checkpoint(checkpoint)["specification"])
    if start is not None:
        return read_specification(load_profile(start).card["deblurrer"])
    return named_specification("plain")


def stored_start(state: Mapping[str, Any]) -> Start | None:
    """What the run of a checkpoint that was read began with, as far as it tells."""
    told = state.get(_KEY)
    return None if told is None else Start(**told)


def start_state(start: Start | None) -> dict[str, Any]:
    """What :func:`stored_start` finds in a checkpoint."""
    return {_KEY: None if start is None else asdict(start)}
