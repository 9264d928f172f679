"""The hand model's file: found, or made, or fetched when asked to; checked before it is used.

MediaPipe's packages from 0.10.30 on bring no model. Google publishes `hand_landmarker.task`; the
package of version 0.10.21 holds the same two networks, and a file put together of them finds the
same landmarks to the last digit.
"""

import errno
import hashlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engines.files import check_writable, write_atomically
from engines.folders import user_models
from engines.shell import shell_word
from stream.errors import StreamError

FILE_NAME = "hand_landmarker.task"
ADDRESS = (
    "https://storage.googleapis.com/mediapipe-models/hand_landmarker/hand_landmarker/float16/1/"
    + FILE_NAME
)
_WHEEL = "mediapipe==0.10.21"
_PARTS = {
    "hand_detector.tflite": (
        "mediapipe/modules/palm_detection/palm_detection_full.tflite",
        "945f713bc23570bd4ed60f848c401dc8eaf95713183d43ba14cf12e467d27a7d",
        "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    ),
    "hand_landmarks_detector.tflite": (
        "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
        "6acda74af3fbf40e68265c20c7394b2bad81a16a481dcd79ad7a081887c3d6b9",
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    ),
}
"""The networks in the file: where the package has them; their SHA-256 from Google, from there."""
_TIMEOUT_S = 60.0


def default_model() -> Path:
    return user_models() / FILE_NAME


def model_at(place: Path | None) -> Path:
    """The file that somebody means who names a file or a folder, which may be yet to make.

    Args:
        place: a folder where its name does not end in ``.task``; the usual file if None.
    """
    if place is None:
        return default_model()
    is_file = place.is_file() or (place.suffix == ".task" and not place.is_dir())
    return place if is_file else place / FILE_NAME


def find_model(given: Path | None = None) -> Path:
    """The model's file, checked.

    Args:
        given: a file of one's own; the one that `hands model` made if None.

    Raises:
        StreamError: there is none, or it is not the one that results were validated with.
    """
    path = given or default_model()
    if not path.is_file():
        how = "" if given else "; make it once with `blur2blur hands model`"
        raise StreamError(f"{path}: there is no hand model{how}")
    if (problem := model_problem(path)) is not None:
        place = "" if given is None else f"--to {shell_word(given)} "
        raise StreamError(
            f"{path}: {problem}; `blur2blur hands model {place}--again` makes a good one"
        )
    return path


def model_problem(path: Path) -> str | None:
    """Why the file is not the hand model, or None where it holds exactly its two networks."""
    try:
        with zipfile.ZipFile(path) as file:
            for name, (_, *digests) in _PARTS.items():
                if hashlib.sha256(file.read(name)).hexdigest() not in digests:
                    return f"{name} in it is not the one that this version was checked with"
    except (OSError, zipfile.BadZipFile, KeyError):
        return "it is not a hand_landmarker.task file"
    return None


def make_model(say: Callable[[str], None], *, target: Path | None = None) -> Path:
    """Fetch the model from Google, or else put it together from the package that holds it.

    Args:
        say: takes a line before anything is fetched, and where something failed.
        target: where to put it.

    Raises:
        StreamError: it cannot be put there, which is seen before anything is fetched; neither can
            be reached; or what came is not the model.
    """
    target = target or default_model()
    _check_writable(target)
    reasons = []
    for name, fetch in ((ADDRESS, _download), (f"the package {_WHEEL}", _assemble)):
        say(f"fetching the hand model from {name}")
        try:
            write_atomically(target, partial(_checked, fetch))
        except (OSError, subprocess.SubprocessError, KeyError, zipfile.BadZipFile) as error:
            reasons.append(f"{name}: {_short(error)}")
            say(reasons[-1])
        else:
            return target
    raise StreamError(
        f"the hand model cannot be fetched ({'; '.join(reasons)}); bring {FILE_NAME} from a "
        f"machine that can, and put it at {target} or say --hand-model FILE"
    )


def assemble(wheel: Path, path: Path) -> None:
    """Put the model together from the networks in a wheel of MediaPipe 0.10.21.

    Raises:
        OSError, KeyError, zipfile.BadZipFile: that is not such a wheel.
    """
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for name, (member, *_) in _PARTS.items():
            made.writestr(name, source.read(member))


def _check_writable(target: Path) -> None:
    """Make the folder above it, and try to make a file there."""
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        check_writable(target)
    except OSError as error:
        raise StreamError(
            f"{target} cannot be written: {error.strerror}; name another file with --to"
        ) from None


def _checked(fetch: Callable[[Path], None], path: Path) -> None:
    fetch(path)
    if (problem := model_problem(path)) is not None:
        raise OSError(problem)


def _download(path: Path) -> None:
    with urllib.request.urlopen(ADDRESS, timeout=_TIMEOUT_S) as answer:
        path.write_bytes(answer.read())


def _assemble(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--platform", "manylinux_2_28_x86_64"]
        command += ["--python-version", "3.11", "--dest", folder, _WHEEL]
        subprocess.run(command, check=True, capture_output=True, timeout=10 * _TIMEOUT_S)
        (wheel,) = Path(folder).glob("*.whl")
        assemble(wheel, path)


def _short(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, subprocess.CalledProcessError):
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        return next((line for line in reversed(lines) if line.startswith("ERROR")), "pip failed")
    return str(error)
