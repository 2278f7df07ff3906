"""One server a data directory: a lock that the server's process holds too, and that ends with it."""

import fcntl
import os
from pathlib import Path

LOCK_FILE = "in-use"


class DirectoryInUseError(Exception):
    """Another program runs a server on this directory. The message names the directory and what to do."""


class DirectoryLock:
    """The lock of one data directory; free until `acquire`. Its file stays behind, empty, and means nothing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def acquire(self) -> int:
        """Take the lock and return its file descriptor; may be called again.

        A child that keeps the descriptor open holds the lock as long as it lives. Raises DirectoryInUseError.
        """
        if self._descriptor is not None:
            return self._descriptor
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DirectoryInUseError(
                f"Another program runs a server on {self._directory}: stop that one, or use another directory."
            ) from None
        self._descriptor = descriptor
        return descriptor

    def release(self) -> None:
        """Let go of the lock; may be called again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
