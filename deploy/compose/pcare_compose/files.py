"""How the files of secrets are written: whole or not at all, and in a directory that only its owner may enter.

The containers run under numbers of users that this machine need not have, and Docker hands a file on with the owner and
mode that it has here. So it is the directory that keeps others out (0700), and a file in it can be read by whichever
container it is handed to (0644). What no container gets is readable by its owner alone (0600).
"""

import os
import tempfile
from pathlib import Path

FOR_OWNER = 0o600
FOR_CONTAINERS = 0o644


def prepare(directory: Path) -> None:
    """Make the directory, or close it to others where it was open."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)


def write(file: Path, text: str, mode: int = FOR_CONTAINERS) -> None:
    """Put `text` in place of what the file held: whoever reads meanwhile finds one or the other."""
    descriptor, written = tempfile.mkstemp(dir=file.parent)  # 0600 from its first byte on
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        os.fchmod(descriptor, mode)
    Path(written).replace(file)


def is_there(file: Path) -> bool:
    """Whether the file holds anything. A directory of its name is what Docker makes where a file is missing."""
    return file.is_file() and file.stat().st_size > 0
