"""Where this program keeps what it makes, by the platform's conventions."""

from pathlib import Path

import platformdirs

_NAME = "blur2blur"


def engine_cache() -> Path:
    """Compiled engines and self-check references; safe to delete."""
    return Path(platformdirs.user_cache_dir(_NAME)) / "engines"


def user_profiles() -> Path:
    """The camera profiles that calibration made."""
    return Path(platformdirs.user_data_dir(_NAME)) / "profiles"


def user_models() -> Path:
    """Models of others that were fetched when the user asked to."""
    return Path(platformdirs.user_data_dir(_NAME)) / "models"


def user_keys() -> Path:
    """Keys of publishers and subscribers, see ``stream.keys``."""
    return Path(platformdirs.user_config_dir(_NAME)) / "keys"
