"""Whether a JPEG file is all there; decoders make up what is missing, in grey, without a word."""

import re

_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""Other than those that stand within a scan: stuffed bytes, restarts and fill."""
_END = 0xD9
_STAND_ALONE = frozenset({0x01, 0xD8})


def is_cut_off(data: bytes) -> bool:
    """Whether a JPEG ends before its picture does, by the markers of ITU-T T.81, annex B.

    What a camera puts behind the end, such as a short film, does not count.

    Args:
        data: the file; what does not begin as a JPEG is not cut off.
    """
    if not data.startswith(b"\xff\xd8"):
        return False
    position = 0
    while (marker := _NEXT_MARKER.search(data, position)) is not None:
        kind, position = data[marker.end() - 1], marker.end()
        if kind == _END:
            return False
        if kind not in _STAND_ALONE:
            position += int.from_bytes(data[position : position + 2], "big")
    return True
