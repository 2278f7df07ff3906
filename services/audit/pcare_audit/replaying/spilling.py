"""Sorts more entries than fit into memory into buckets of files, so that what belongs together is looked at together.

An entry is of a fixed length; those of one key are in one bucket, whoever wrote them. Each writer has files of its own.
"""

from pathlib import Path

FLUSH_BYTES = 8 * 1024 * 1024


class Spill:
    """One writer's buckets. Memory is bounded by FLUSH_BYTES; the rest is in files."""

    def __init__(self, directory: Path, name: str, writer: int, buckets: int) -> None:
        self._directory = directory
        self._name = name
        self._writer = writer
        self._waiting = [bytearray() for _ in range(buckets)]
        self._bytes = 0

    def add(self, bucket: int, entry: bytes) -> None:
        """Add an entry to a bucket."""
        self._waiting[bucket] += entry
        self._bytes += len(entry)
        if self._bytes >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits in memory."""
        for bucket, waiting in enumerate(self._waiting):
            if waiting:
                with _file(self._directory, self._name, bucket, self._writer).open("ab") as file:
                    file.write(waiting)
                waiting.clear()
        self._bytes = 0


def take(directory: Path, name: str, bucket: int) -> bytes:
    """Return all entries of a bucket, those of each writer in their order, and remove its files."""
    found = []
    for file in sorted(directory.glob(f"{name}.{bucket}.*")):
        found.append(file.read_bytes())
        file.unlink()
    return b"".join(found)


def _file(directory: Path, name: str, bucket: int, writer: int) -> Path:
    return directory / f"{name}.{bucket}.{writer}"
