"""The orientation that a camera noted in a picture's EXIF."""

import struct

_ORIENTATION = 0x0112
_HEADERS = {b"II*\0": "<", b"MM\0*": ">"}
_SEARCHED_BYTES = 65_536


def exif_orientation(picture: bytes) -> int | None:
    """The orientation (1...8, EXIF 2.3 section 4.6.4) of an encoded picture, None where none is
    told."""
    head = picture[:_SEARCHED_BYTES]
    begins = head.find(b"Exif\0\0") + 6
    order = _HEADERS.get(head[begins : begins + 4]) if begins >= 6 else None
    if order is None:
        return None
    tiff = head[begins:]
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else None
    except struct.error:  # cut off
        pass
    return None
