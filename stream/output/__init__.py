"""Where frames go: :func:`open_output` turns an address into an output."""

from collections.abc import Sequence
from pathlib import Path

from stream.endpoint import SCHEMES as ZMQ_SCHEMES
from stream.errors import OutputError
from stream.output.null import Null
from stream.output.output import Output
from stream.output.recording import SUFFIXES, Recording
from stream.uri import scheme_of

__all__ = ["Output", "open_output", "wants_every_frame"]

VIRTUAL_CAMERA = "virtual-camera"


def open_output(uri: str, *, sources: Sequence[str] = (), insecure_bind: bool = False) -> Output:
    """The output that an address means.

    ====================== ===============================================
    ``window``             a window on this machine's display
    ``out.mp4``, ``.mkv``  a recording
    ``zmq+tcp://…``        a publisher; also ``zmq+ipc://…``
    ``virtual-camera``     a camera for video calls; also ``virtual-camera:/dev/video10``
    ``null``               nothing, for statistics and benchmarks
    ====================== ===============================================

    Args:
        sources: the names of the sources, where there are several; a recording makes a file of
            each.
        insecure_bind: a publisher may let in anybody from other machines.

    Raises:
        OutputError: the address is of no kind that this version knows, or it cannot be opened.
    """
    from stream.output.publisher import Publisher
    from stream.output.virtual_camera import VirtualCamera

    kind = _kind_of(uri)
    if kind is Publisher:
        return Publisher(uri, sources=max(1, len(sources)), insecure_bind=insecure_bind)
    if kind is VirtualCamera:
        return VirtualCamera(uri.partition(":")[2], several=len(sources) > 1)
    if kind is Recording:
        return Recording(Path(uri), sources=sources)
    return kind()


def wants_every_frame(uri: str) -> bool:
    """Whether the output that an address means wants each frame of a file, not just the newest.

    Raises:
        OutputError: the address is of no kind that this version knows.
    """
    return _kind_of(uri).every_frame


def _kind_of(uri: str) -> type[Output]:
    if uri == "null":
        return Null
    if uri == "window":
        from stream.output.window import Window

        return Window
    if uri.partition(":")[0] == VIRTUAL_CAMERA:
        from stream.output.virtual_camera import VirtualCamera

        return VirtualCamera
    if scheme_of(uri) in ZMQ_SCHEMES:
        from stream.output.publisher import Publisher

        return Publisher
    if scheme_of(uri):
        raise OutputError(
            f"nothing is known of {scheme_of(uri)}:// as an output; "
            f"outputs are window, {VIRTUAL_CAMERA}, null, zmq+tcp://, zmq+ipc://, "
            f"or a file that ends in {' or '.join(SUFFIXES)}"
        )
    return Recording
