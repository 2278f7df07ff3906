"""`make backup-keys`: the keys of pseudonyms and checkpoints and all other secrets, apart from the database's backup.

Whoever has both could tell who somebody is by trying all NHS numbers: so they are kept in two places.
"""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

from pcare_operations.archive import OWNER_ONLY, Archive, ArchiveWriter
from pcare_operations.compose import Compose
from pcare_operations.errors import OperationError

KEY = "pseudonym.key"
INGEST = "ingest"
AUTHORITY_KEY = "authority.key"
READABLE = 0o644
"""Containers run under numbers that this machine need not have; the directory lets nobody else in."""
DIRECTORY_VARIABLE = "PCARE_COMPOSE_SECRETS"
DEFAULT_DIRECTORY = Path("deploy") / "compose" / "secrets"

Say = Callable[[str], None]


def directory() -> Path:
    """Return where the project keeps its secrets."""
    return Path(os.environ.get(DIRECTORY_VARIABLE) or DEFAULT_DIRECTORY)


def back_up(secrets: Path, to: Path, *, now: dt.datetime, say: Say) -> Path:
    """Write all secrets into one file, and return it. Raises OperationError where the pseudonym key is not there."""
    if not (secrets / KEY).is_file():
        raise OperationError(f"There is no {secrets / KEY}: nothing to back up. See docs/disaster-recovery.md.")
    path = to / f"pcare-keys-{now:%Y%m%dT%H%M%SZ}.tar"
    files = [file for file in sorted(secrets.iterdir()) if file.is_file()]
    with ArchiveWriter(path) as writer:
        for file in files:
            writer.add(file.name, [file.read_bytes()])
    Archive(path).check()
    say(f"{path}: {KEY} and {len(files) - 1} other secrets. Move it to a safe place, not where the database's are")
    return path


def restore(file: Path, secrets: Path, *, say: Say) -> None:
    """Put secrets back where there are none: nothing that is there is ever written over.

    Raises OperationError, before anything is written, where another pseudonym key is there.
    """
    archive = Archive(file)
    names = archive.check()
    if KEY not in names:
        raise OperationError(f"{file} has no {KEY}: it is no backup that `make backup-keys` made.")
    there = secrets / KEY
    if _holds_one(there) and there.read_bytes() != archive.read(KEY):
        raise OperationError(
            f"{there} is another key. Where it was made after the loss, and nothing was sent since, delete it and try "
            "again; else see docs/disaster-recovery.md: somebody might count twice."
        )
    secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = [name for name in names if Path(name).name == name and write_new(secrets / name, archive.read(name))]
    say(f"{len(written)} of {len(names)} secrets are in {secrets} again; those that were there are left as they are")


def take(compose: Compose, secrets: Path, *, say: Say) -> None:
    """Copy the key that a running ingest has to the secrets, where there is none, before `make secrets` makes another.

    It was in a volume once; a new key in its place would make every person two. Raises OperationError where ingest runs
    without one.
    """
    if _holds_one(secrets / KEY) or INGEST not in compose.copies():
        return
    file = compose.output("exec", "-T", INGEST, "printenv", "PCARE_PSEUDONYM_KEY_FILE").strip()
    key = compose.output("exec", "-T", INGEST, "cat", file)
    if not key.strip():
        raise OperationError(f"ingest runs, but its key {file} is empty. Find the key before you go on: docs/keys.md.")
    secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_new(secrets / KEY, key.encode())
    say(f"the pseudonym key that ingest runs with is now {secrets / KEY}: keep a copy in a safe place")


def write_new(path: Path, content: bytes) -> bool:
    """Write a secret as `make secrets` does; return False, and change nothing, where there is one.

    Where an empty directory is, or an empty file, there is none: Docker made it, or whoever wrote it came to no end.
    """
    try:
        if path.is_dir():
            path.rmdir()
        elif path.is_file() and not _holds_one(path):
            path.unlink()
    except OSError as error:
        raise OperationError(f"{path} is in the way of a secret ({error.strerror}). Move it elsewhere.") from error
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    if path.name != AUTHORITY_KEY:
        path.chmod(READABLE)
    return True


def _holds_one(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
