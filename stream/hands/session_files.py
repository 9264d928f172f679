"""A session in the formats of other programs: Parquet, C3D, Motion-BIDS. The numbers are the same.

C3D: Motion Lab Systems' binary format, read by most motion-capture programs. Motion-BIDS: Jeung et
al., Scientific Data 11:716 (2024), of the Brain Imaging Data Structure.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.files import write_atomically, write_text_atomically
from stream.errors import StreamError
from stream.hands.landmarks import LANDMARKS
from stream.hands.session import Session
from stream.hands.session_table import COLUMNS, FILE_NAME, Trajectory, median_rate, read_rows

PARQUET = "landmarks.parquet"
C3D = "landmarks.c3d"
_BIDS_VERSION = "1.10.0"
_TEXTS = {"picture", "side"}
_WHOLE = {"sequence", "detected", "bypassed"}


def write_parquet(session: Session) -> Path:
    """The table as Parquet, column by column the same numbers; missing ones are null.

    Raises:
        StreamError: pyarrow is not installed, or the file cannot be written.
    """
    pyarrow = _import("pyarrow")
    parquet = _import("pyarrow.parquet")
    rows = read_rows(session.folder / FILE_NAME)
    columns = {name: pyarrow.array(_values(rows, name), _type(pyarrow, name)) for name in COLUMNS}
    table = pyarrow.table(columns)
    path = session.folder / PARQUET
    _write(path, lambda temporary: parquet.write_table(table, temporary, compression="zstd"))
    return path


def write_c3d(session: Session) -> Path:
    """21 points a picture in millimetres, their origin in the hand; missing ones are not a number.

    C3D knows only one constant rate: the session's median one. The true time of each frame is the
    analog channel ``time_s``.

    Raises:
        StreamError: ezc3d is not installed, there is nothing to write, or it cannot be written.
    """
    ezc3d = _import("ezc3d")
    trajectories = _aligned(session)
    times = trajectories[0].time_s
    c3d = ezc3d.c3d()
    labels = [f"{t.picture}_{name}" for t in trajectories for name in LANDMARKS]
    world = np.concatenate([t.world for t in trajectories], axis=1) * 1000  # (N, labels, 3)
    points = np.ones((4, len(labels), len(times)))
    points[:3] = world.transpose(2, 1, 0)
    rate = round(median_rate(times), 6)
    for group, values in (
        ("POINT", {"UNITS": ["mm"], "LABELS": labels, "RATE": [rate]}),
        ("ANALOG", {"LABELS": ["time_s"], "UNITS": ["s"], "RATE": [rate]}),
    ):
        for name, value in values.items():
            c3d["parameters"][group][name]["value"] = value
    c3d["data"]["points"] = points
    c3d["data"]["analogs"] = times[None, None, :]
    path = session.folder / C3D
    _write(path, lambda temporary: c3d.write(str(temporary)))
    return path


def write_bids(session: Session, root: Path) -> list[Path]:
    """A participant's files in a Motion-BIDS data set, which is made where there is none yet.

    One tracking system a picture (``raw``, ``deblurred``); positions in metres, their origin in
    the hand, and the time of each frame as a latency channel.

    Returns:
        The files that were written.

    Raises:
        StreamError: there is nothing to write, or a file cannot be written.
    """
    sidecar = session.sidecar
    subject = "sub-" + "".join(c for c in sidecar.participant if c.isalnum())
    folder = root / subject / f"ses-{sidecar.id}" / "motion"
    folder.mkdir(parents=True, exist_ok=True)
    written = _bids_data_set(root, subject)
    task = "".join(c for c in sidecar.task if c.isalnum())
    for trajectory in _aligned(session):
        system = trajectory.picture
        stem = f"{subject}_ses-{sidecar.id}_task-{task}_tracksys-{system}"
        channels = _bids_channels(system)
        world = trajectory.world.reshape(len(trajectory), -1)
        table = np.column_stack([world, trajectory.time_s])
        rows = ["\t".join("n/a" if np.isnan(v) else f"{v:.6f}" for v in row) for row in table]
        described = {
            "TaskName": sidecar.task,
            "TaskDescription": f"{sidecar.task}, {sidecar.hand} hand",
            "SamplingFrequency": sidecar.fps or round(median_rate(trajectory.time_s), 6),
            "SamplingFrequencyEffective": round(median_rate(trajectory.time_s), 6),
            "TrackingSystemName": system,
            "Manufacturer": "MediaPipe hand landmarker on camera pictures",
            "SoftwareVersions": ", ".join(f"{k} {v}" for k, v in sidecar.software.items()),
            "SpatialAxes": "RDF",
            "RotationRule": "n/a",
            "RotationOrder": "n/a",
            "MissingValues": "n/a",
            "TrackedPointsCount": len(LANDMARKS),
            "MotionChannelCount": len(channels),
            "POSChannelCount": len(channels) - 1,
            "LATENCYChannelCount": 1,
            "RecordingDuration": float(trajectory.time_s[-1]),
        }
        texts = {
            f"{stem}_motion.tsv": "\n".join(rows) + "\n",
            f"{stem}_motion.json": _json(described),
            f"{stem}_channels.tsv": "\n".join(channels_table(channels)) + "\n",
        }
        for name, text in texts.items():
            write_text_atomically(folder / name, text)
            written.append(folder / name)
    return written


def channels_table(channels: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a Motion-BIDS table of channels."""
    head = ("name", "component", "type", "tracked_point", "units")
    return ["\t".join(line) for line in (head, *channels)]


def _bids_channels(system: str) -> list[tuple[str, ...]]:
    points = [(f"{name}_{axis}", axis, "POS", name, "m") for name in LANDMARKS for axis in "xyz"]
    return [*points, ("latency", "n/a", "LATENCY", "n/a", "s")]


def _bids_data_set(root: Path, subject: str) -> list[Path]:
    written = []
    description = root / "dataset_description.json"
    if not description.exists():
        content = {
            "Name": "Hand movements",
            "BIDSVersion": _BIDS_VERSION,
            "DatasetType": "raw",
            "GeneratedBy": [{"Name": "blur2blur-live"}],
        }
        write_text_atomically(description, _json(content))
        write_text_atomically(
            root / "README", "Hand landmarks, estimated from camera pictures by blur2blur-live.\n"
        )
        written += [description, root / "README"]
    participants = root / "participants.tsv"
    known = participants.read_text().split("\n")[1:] if participants.exists() else []
    lines = sorted({line for line in known if line} | {subject})
    write_text_atomically(participants, "\n".join(["participant_id", *lines]) + "\n")
    return [*written, participants]


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
        raise StreamError(f"{path} cannot be written: {error.strerror}") from None


def _import(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise StreamError(f"this needs {error.name}: pip install 'blur2blur-live[hands]'") from None
