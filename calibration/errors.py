"""The error that recording, training and evaluation raise."""


class CalibrationError(Exception):
    """Data, a checkpoint or a setting cannot be used; the message says what to do."""
