"""The errors that engines and profiles raise."""


class EngineError(Exception):
    """A backend cannot build, load or run a network here."""


class ProfileError(Exception):
    """A camera profile is missing, damaged or does not fit."""
