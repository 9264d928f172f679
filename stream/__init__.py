"""The live side: frames in, frames out."""

# OpenCV before PyAV, always: their wheels carry X11 libraries of the same file names, and a window
# of OpenCV hangs for ever in Qt when PyAV's were loaded first (seen with 5.0.0 and 17.1).
try:
    import cv2 as cv2
except ImportError as error:
    raise ImportError(
        f"OpenCV does not load ({error}); on Debian and Ubuntu: apt install libgl1 libglib2.0-0"
    ) from error
