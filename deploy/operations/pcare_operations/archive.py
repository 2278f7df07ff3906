"""The file of a backup: a tar of few members, with the checksum of each in the last one. Written once, never changed.

It is written as it comes, so that no second copy is ever on the disk: the header of a member is filled in when its
length is known. Only its owner may read the file.
"""

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from pcare_operations.errors import OperationError

OWNER_ONLY = 0o600
SUMS = "SHA256SUMS"
_CHUNK = 1024 * 1024
_BLOCK = tarfile.BLOCKSIZE


class ArchiveWriter:
    """Writes `path`; it is there under its name only when all of it is on the disk. A context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._sums: list[str] = []

    def __enter__(self) -> "ArchiveWriter":
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._path.exists():
            raise OperationError(f"{self._path} exists already, and a backup is never written over. Try again.")
        descriptor = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        self._stream = os.fdopen(descriptor, "w+b")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._stream.close()
            self._partial.unlink(missing_ok=True)

    def add(self, name: str, chunks: Iterable[bytes]) -> int:
        """Write a member from what comes, and return its length in bytes."""
        start = self._stream.tell()
        self._stream.write(bytes(_BLOCK))  # the header's place
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            self._stream.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        self._stream.write(bytes(-size % _BLOCK))
        end = self._stream.tell()
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, OWNER_ONLY
        self._stream.seek(start)
        self._stream.write(info.tobuf(tarfile.GNU_FORMAT))  # which is one block, whatever the size
        self._stream.seek(end)
        self._sums.append(f"{digest.hexdigest()}  {name}\n")
        return size

    def _finish(self) -> None:
        self.add(SUMS, ["".join(self._sums).encode()])
        self._stream.write(bytes(2 * _BLOCK))
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._partial.rename(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class Archive:
    """A backup that was written by ArchiveWriter. Methods raise OperationError where it is not whole."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise OperationError(f"There is no file {path}.")
        self.path = path

    def check(self) -> list[str]:
        """Read all of it and compare every checksum; return the names of the members."""
        with self._opened() as tar:
            found = {info.name: digest_of(stream) for info, stream in _members(tar)}
        listed = self.read(SUMS).decode().splitlines() if SUMS in found else []
        sums = {line.split("  ", 1)[1]: line.split("  ", 1)[0] for line in listed}
        found.pop(SUMS, None)
        if not sums or sums != found:
            wrong = sorted(name for name in sums.keys() | found.keys() if sums.get(name) != found.get(name))
            raise OperationError(
                f"{self.path} is damaged ({', '.join(wrong) or 'it has no checksums'}). Take another "
                "backup, or another copy of this one."
            )
        return list(found)

    def read(self, name: str) -> bytes:
        """Return a member, which is small."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give a member piece by piece."""
        with self._opened() as tar:
            for info, stream in _members(tar):
                if info.name == name:
                    yield from in_chunks(stream)
                    return
        raise OperationError(f"{self.path} has no {name}: it is no backup that `make backup` made, or of another kind.")

    @contextmanager
    def _opened(self) -> Iterator[tarfile.TarFile]:
        try:
            with tarfile.open(self.path, "r:") as tar:
                yield tar
        except (tarfile.TarError, EOFError) as error:
            raise OperationError(f"{self.path} cannot be read: {error}. Take another copy of it.") from error


def _members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for info in tar:
        stream = tar.extractfile(info)
        if stream is not None:
            yield info, stream


def digest_of(stream: IO[bytes]) -> str:
    """Return the SHA-256 of what a stream has, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in in_chunks(stream):
        digest.update(chunk)
    return digest.hexdigest()


def in_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Give what a stream has, piece by piece."""
    return iter(lambda: stream.read(_CHUNK), b"")
