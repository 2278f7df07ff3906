"""Of which commit this program is, where that can be known."""

import os
import subprocess
from pathlib import Path

SECONDS = 5
REVISION = "PCARE_REVISION"
"""What an image is given when it is built, and says of itself: there is no repository in it."""
UNKNOWN = "unknown"


def commit(this: Path = Path(__file__)) -> str | None:
    """Return the commit of the repository that this file belongs to, or that the image was built of; else None.

    With `-dirty` behind it where files of the repository were changed since: then the commit alone does not say what
    ran. A repository that merely lies around the installed program is not taken for its own.
    """
    if _git(this, "ls-files", "--error-unmatch", this.name) is not None:
        return _git(this, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    given = os.environ.get(REVISION, "")
    return given if given not in {"", UNKNOWN} else None


def _git(this: Path, *words: str) -> str | None:
    """Return what git says, or None where it refuses or is not there."""
    try:
        asked = subprocess.run(
            ["git", *words], cwd=this.parent, capture_output=True, text=True, check=True, timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip()
