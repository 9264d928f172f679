"""A session in the formats of other programs: Parquet, C3D, Motion-BIDS. The numbers are the same.

C3D: Motion Lab Systems' binary format, read by most motion-capture programs. Motion-BIDS: Jeung et
al., Scientific Data 11:716 (2024), of the Brain Imaging Data Structure.
"""

import errno
import json
import os
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from engines.files import write_atomically
from stream.errors import StreamError
from stream.hands.bids_data_set import (
    PARTICIPANT_CODE,
    PARTICIPANTS,
    check_subject,
    descriptions,
    participants_with,
)
from stream.hands.landmarks import LANDMARKS
from stream.hands.measures.quality import effective_rate, usual_rate, without_pauses
from stream.hands.session import Session
from stream.hands.session_table import COLUMNS, FILE_NAME, Trajectory, read_rows

PARQUET = "landmarks.parquet"
C3D = "landmarks.c3d"
_ROWS_AT_ONCE = 200
_C3D_FRAMES = 65_535
_C3D_BLOCK = 512
_C3D_MISSING = -1.0  # a point's residual
_C3D_CAMERAS = 7
_C3D_LEAST_BLOCK = 3  # behind the header and one block of parameters
_FRAME = "camera"
_AXES = {
    "SpatialAxes": "RIA",
    "RotationRule": "n/a",
    "RotationOrder": "n/a",
    "Description": "As the camera looks: x to the right of its picture, y down, z away from it. "
    "The origin is in the hand, and goes with it.",
}
_TEXTS = {"picture", "side"}
_WHOLE = {"sequence", "detected", "bypassed"}


def write_parquet(session: Session) -> Path:
    """The table as Parquet, column by column the same numbers; missing ones are null.

    Raises:
        StreamError: pyarrow is not installed, or the file cannot be written.
    """
    pyarrow = _import("pyarrow")
    parquet = _import("pyarrow.parquet")
    schema = pyarrow.schema([(name, _type(pyarrow, name)) for name in COLUMNS])
    rows = read_rows(session.folder / FILE_NAME)
    batches = []
    while part := list(islice(rows, _ROWS_AT_ONCE)):
        columns = [pyarrow.array(_values(part, field.name), field.type) for field in schema]
        batches.append(pyarrow.record_batch(columns, schema=schema))
    table = pyarrow.Table.from_batches(batches, schema)
    path = session.folder / PARQUET
    _write(path, lambda temporary: parquet.write_table(table, temporary, compression="zstd"))
    return path


def write_c3d(session: Session) -> Path:
    """21 points a picture in millimetres, their origin in the hand; missing ones have residual -1.

    C3D knows only one constant rate: the session's usual one (of frames that came in bursts the
    mean one), or the source's where there is only one frame. The true time of each frame is the
    analog channel ``time_s``.

    Raises:
        StreamError: ezc3d is not installed, there is nothing to write, it is more than the 65,535
            frames that C3D counts, no rate is known, or it cannot be written.
    """
    ezc3d = _import("ezc3d")
    trajectories = _aligned(session)
    times = trajectories[0].time_s
    if len(times) > _C3D_FRAMES:
        raise StreamError(
            f"{session.folder}: C3D counts up to {_C3D_FRAMES} frames, and this session has "
            f"{len(times)}; export it with --bids or --parquet, or record parts of at most "
            f"--seconds {int(times[_C3D_FRAMES - 1] - times[0])}"
        )
    c3d = ezc3d.c3d()
    labels = [f"{t.picture}_{name}" for t in trajectories for name in LANDMARKS]
    world = np.concatenate([t.world for t in trajectories], axis=1) * 1000  # (N, labels, 3)
    points = np.ones((4, len(labels), len(times)))
    points[:3] = world.transpose(2, 1, 0)
    missing = np.isnan(points).any(0, keepdims=True)
    sidecar = session.sidecar
    rate = round(usual_rate(trajectories[0], sidecar.not_recorded_s) or sidecar.fps or 0.0, 6)
    if rate <= 0:
        raise StreamError(
            f"{session.folder}: C3D wants a frame rate, which one time and a source that says none "
            "do not give; export it in another format"
        )
    for group, values in (
        ("POINT", {"UNITS": ["mm"], "LABELS": labels, "RATE": [rate]}),
        ("ANALOG", {"LABELS": ["time_s"], "UNITS": ["s"], "RATE": [rate]}),
    ):
        for name, value in values.items():
            c3d["parameters"][group][name]["value"] = value
    c3d["data"]["points"] = points
    c3d["data"]["meta_points"] = {
        "residuals": np.where(missing, _C3D_MISSING, 0.0),
        "camera_masks": np.zeros((_C3D_CAMERAS, *missing.shape[1:]), bool),
    }
    c3d["data"]["analogs"] = times[None, None, :]
    path = session.folder / C3D
    _write(path, partial(_write_whole_c3d, c3d))
    return path


def write_bids(session: Session, root: Path) -> list[Path]:
    """A participant's files in a Motion-BIDS data set, which is made where there is none yet.

    What else such a set holds stays as it is. One tracking system a picture (``raw``,
    ``deblurred``); positions in metres, their origin in the hand, and the time of each frame as a
    latency channel. Pauses and outages count there, but neither in ``RecordingDuration`` nor in
    ``SamplingFrequencyEffective``: what they do to these the specification does not say.

    Returns:
        The files that were written.

    Raises:
        StreamError: there is nothing to write, a file cannot be written, the data set has another
            participant by this name, or its ``participants.tsv`` does not begin with the
            participants' codes.
    """
    trajectories = _aligned(session)
    sidecar = session.sidecar
    subject = "sub-" + "".join(c for c in sidecar.participant if c.isalnum())
    check_subject(root, subject, sidecar.participant)
    folder = root / subject / f"ses-{sidecar.id}" / "motion"
    participants = participants_with(root / PARTICIPANTS, subject)
    _make_folder(folder)
    written = [_write_text(root / name, text) for name, text in descriptions(root).items()]
    if participants is not None:
        written.append(_write_bytes(root / PARTICIPANTS, participants))
    task = "".join(c for c in sidecar.task if c.isalnum())
    for trajectory in trajectories:
        system = trajectory.picture
        stem = f"{subject}_ses-{sidecar.id}_task-{task}_tracksys-{system}"
        channels = _bids_channels(system)
        recorded_s = without_pauses(trajectory.time_s, sidecar.not_recorded_s)
        effective = effective_rate(recorded_s)
        usual = usual_rate(trajectory, sidecar.not_recorded_s)
        world = trajectory.world.reshape(len(trajectory), -1)
        table = np.column_stack([world, trajectory.time_s])
        rows = ["\t".join("n/a" if np.isnan(v) else f"{v:.6f}" for v in row) for row in table]
        described = {
            PARTICIPANT_CODE: sidecar.participant,
            "TaskName": sidecar.task,
            "TaskDescription": f"{sidecar.task}, {sidecar.hand} hand",
            "SamplingFrequency": sidecar.fps or round(usual, 6),
            **({"SamplingFrequencyEffective": round(effective, 6)} if effective else {}),
            "TrackingSystemName": system,
            "Manufacturer": "MediaPipe hand landmarker on camera pictures",
            "SoftwareVersions": ", ".join(f"{k} {v}" for k, v in sidecar.software.items()),
            "MissingValues": "n/a",
            "TrackedPointsCount": len(LANDMARKS),
            "MotionChannelCount": len(channels),
            "POSChannelCount": len(channels) - 1,
            "LATENCYChannelCount": 1,
            "RecordingDuration": round(float(recorded_s[-1]), 6),
        }
        texts = {
            f"{stem}_motion.tsv": "\n".join(rows) + "\n",
            f"{stem}_motion.json": _json(described),
            f"{stem}_channels.tsv": "\n".join(channels_table(channels)) + "\n",
            f"{stem}_channels.json": _json({"reference_frame": {"Levels": {_FRAME: _AXES}}}),
        }
        for name, text in texts.items():
            written.append(_write_text(folder / name, text))
    return written


def channels_table(channels: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a Motion-BIDS table of channels."""
    head = ("name", "component", "type", "tracked_point", "units", "reference_frame")
    return ["\t".join(line) for line in (head, *channels)]


def _bids_channels(system: str) -> list[tuple[str, ...]]:
    points = [
        (f"{name}_{axis}", axis, "POS", name, "m", _FRAME) for name in LANDMARKS for axis in "xyz"
    ]
    return [*points, ("latency", "n/a", "LATENCY", "n/a", "s", "n/a")]


def _write_whole_c3d(c3d: Any, path: Path) -> None:
    """Let ezc3d write, which says nothing of a full disk; see whether all is there.

    The file is not read by ezc3d again, which would end the program where it is cut off. In its
    header is the block that the values begin in, which ezc3d fills in at the end.

    Raises:
        OSError: the file is not whole.
    """
    c3d.write(str(path))
    with path.open("rb") as file:
        begins_in = int.from_bytes(file.read(_C3D_BLOCK)[16:18], "little")
    values = c3d["data"]["points"].size + c3d["data"]["analogs"].size
    least = _C3D_BLOCK * (begins_in - 1) + np.float32().nbytes * values
    if begins_in < _C3D_LEAST_BLOCK or path.stat().st_size < least:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _aligned(session: Session) -> list[Trajectory]:
    """The trajectories, which have the same frames."""
    trajectories = [t for t in session.trajectories.values() if len(t)]
    if not trajectories:
        raise StreamError(f"{session.folder}: no frame was recorded; there is nothing to write")
    length = min(len(t) for t in trajectories)  # a kill may have cut the last pair
    return [t if len(t) == length else t.first(length) for t in trajectories]


def _values(rows: list[dict[str, str]], name: str) -> list[Any]:
    if name in _TEXTS:
        return [row[name] or None for row in rows]
    convert = int if name in _WHOLE else float
    return [convert(row[name]) if row[name] else None for row in rows]


def _type(pyarrow: Any, name: str) -> Any:
    if name in _TEXTS:
        return pyarrow.string()
    return pyarrow.int64() if name in _WHOLE else pyarrow.float64()


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


def _write(path: Path, write: Any) -> None:
    try:
        write_atomically(path, write)
    except OSError as error:
        raise StreamError(f"{path} cannot be written: {error.strerror or error}") from None


def _write_bytes(path: Path, content: bytes) -> Path:
    _write(path, lambda temporary: temporary.write_bytes(content))
    return path


def _write_text(path: Path, text: str) -> Path:
    return _write_bytes(path, text.encode())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StreamError(f"{folder} cannot be made: {error.strerror}") from None


def _import(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise StreamError(f"this needs {error.name}: pip install 'blur2blur-live[hands]'") from None
