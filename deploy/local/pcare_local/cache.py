"""Where downloads are kept between runs."""

import os
from pathlib import Path

import platformdirs

VARIABLE = "PCARE_CACHE_DIR"


def cache_directory() -> Path:
    """Return the directory for downloads, made if need be: `PCARE_CACHE_DIR`, else the user's cache directory."""
    named = os.environ.get(VARIABLE)
    directory = Path(named) if named else Path(platformdirs.user_cache_dir("pcare"))
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()
