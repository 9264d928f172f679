"""What a session says of where its pictures come from: kinds, sums and times, but no names."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av
import av.error

from engines.files import sha256_of
from engines.profile import WEIGHTS, Profile
from stream.capture import SourceOptions, open_source
from stream.capture.network import NetworkStream
from stream.capture.source import Source
from stream.capture.video_file import VideoFile
from stream.errors import StreamError
from stream.statistics import program_version
from stream.uri import scheme_of

_NOT_SET_BEFORE = datetime(1990, 1, 1, tzinfo=UTC)
"""Clocks that nobody set, and files that say none, count from 1904 or 1970."""


def kind_of(source: Source) -> str:
    """``clip``, ``network`` or ``camera``, of one that was looked at."""
    if not source.own_clock:
        return "clip"
    return "network" if scheme_of(source.uri) else "camera"


def is_filmed_now(source: Source, uri: str, options: SourceOptions) -> bool:
    """Whether there is somebody to count down for: not before a clip, also not in real time.

    Args:
        source: one that was looked at.
        uri, options: what it was opened by.
    """
    if isinstance(source, NetworkStream):
        return source.own_clock
    return open_source(uri, replace(options, realtime=False)).live


def digest_of(source: Source) -> str:
    """SHA-256 of a clip's file; empty where there is none."""
    if not isinstance(source, VideoFile) or not os.path.isfile(source.path):
        return ""
    try:
        return sha256_of(source.path)
    except OSError:  # the source says why it cannot be read
        return ""


def creation_time_of(source: Source) -> datetime | None:
    """When a clip was made, as its container's ``creation_time`` says; None where it does not."""
    if not isinstance(source, VideoFile) or not os.path.isfile(source.path):
        return None
    try:
        with av.open(os.path.abspath(source.path)) as container:
            made = datetime.fromisoformat(container.metadata.get("creation_time", ""))
    except (av.error.FFmpegError, OSError, ValueError):  # the source says why it cannot be read
        return None
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return made if _NOT_SET_BEFORE <= made <= datetime.now(UTC) else None


def told_time(text: str) -> datetime:
    """A date and time like ``2026-10-03T10:00``: local unless it says an offset.

    Raises:
        StreamError: it is none, or has not been yet.
    """
    try:
        if len(text) <= len("2026-10-03"):
            raise ValueError
        told = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise StreamError(f"{text!r} is not a date and time like 2026-10-03T10:00") from None
    if told > datetime.now(UTC):
        raise StreamError(f"{text} has not been yet; when was the clip recorded?")
    return told


def software(model: Path, profile: Profile) -> dict[str, str]:
    """Versions of what takes part; of the hand model and of the weights their SHA-256."""
    versions = {"blur2blur-live": program_version()}
    for package in ("mediapipe", "openvino", "opencv-contrib-python", "numpy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {**versions, "hand_model": sha256_of(model), "weights": profile.card["sha256"][WEIGHTS]}
