"""What a verification needs of the record, item by item: the lines of an export, or rows and records as they are read.

In this order: a header, checkpoints, heads of the audit trail, merges, records beside the leaves, leaves, and the end.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Final, cast

import msgspec

from pcare_schemas.origin import Origin

FORMAT: Final = 1
BEGINNING: Final = b'{"kind":"header"'
LONGEST: Final = 16 * 1024 * 1024  # bytes of a line: many times what Kafka takes in as a record
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Partition = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""As wide as PostgreSQL's: what is read is kept in a database meanwhile."""
LEVEL = 3  # of compression: the texts of a record are alike, so that more costs much and saves little


class ExportError(Exception):
    """A file is no export, not a whole one, or cannot be written. The message says how far, or why."""


class Header(msgspec.Struct, frozen=True, tag="header", tag_field="kind"):
    """From where the rest comes: `database` or `log`, and in which places checkpoints were looked for."""

    format: int
    source: str
    made: str
    checkpoints_in: list[str]


class SealedCheckpoint(msgspec.Struct, frozen=True, tag="checkpoint", tag_field="kind"):
    """A checkpoint where it was found: in a `place`, at a position there. `size` is what stands beside the note.

    `spoilt` says what else beside it is not as it must be.
    """

    place: str
    at: str
    note: str
    size: Number
    spoilt: str = ""


class TrailHead(msgspec.Struct, frozen=True, tag="acts", tag_field="kind"):
    """The hash that the audit trail has at a position."""

    position: Number
    hash: bytes


class MergeOf(msgspec.Struct, frozen=True, tag="merge", tag_field="kind"):
    """Two subjects that are one person, by an act."""

    gone: str
    kept: str
    act: Number


class Unsealed(msgspec.Struct, frozen=True, tag="unsealed", tag_field="kind"):
    """A record that stands below what is sealed, and has no leaf. Its origin as text; or why it has none."""

    origin: str
    text: str
    words: str = ""


class Leaf(msgspec.Struct, frozen=True, gc=False, tag="leaf", tag_field="kind"):
    """A leaf: its number and hash as stored (none in the log), and the texts that its record has now.

    A row has one text, the log may say an event more than once. `source` and `id` where no text says them. `gone` says
    that a row is missing where another is still there.
    """

    leaf: Number | None
    origin_topic: str
    origin_partition: Partition
    origin_offset: Number
    hash: bytes | None
    texts: list[str]
    source: str | None = None
    id: str | None = None
    gone: str = ""

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        return Origin(self.origin_topic, self.origin_partition, self.origin_offset)


class End(msgspec.Struct, frozen=True, tag="end", tag_field="kind"):
    """Nothing follows; `leaves` came before. A file without it was cut off."""

    leaves: Number


ORDER: Final[dict[type, int]] = {
    kind: place for place, kind in enumerate((Header, SealedCheckpoint, TrailHead, MergeOf, Unsealed, Leaf, End))
}
"""What stands before what. A checkpoint behind the leaves would be one that they are not held against."""

Item = Header | SealedCheckpoint | TrailHead | MergeOf | Unsealed | Leaf | End

_DECODER = msgspec.json.Decoder(Item)
_ENCODER = msgspec.json.Encoder()


class Writer:
    """Writes an export, an item a line, compressed. Nothing is kept."""

    def __init__(self, file: Path) -> None:
        """Open a file that is not there yet. Raises ExportError, as the methods do where it cannot be written."""
        self._path = file
        try:
            self._raw = file.open("xb")
        except FileExistsError:
            raise ExportError(f"{file} is there already. Name a file that is not: none is ever written over.") from None
        except OSError as error:
            raise self._refused(error) from error
        # a time in it would make two exports of one record differ
        self._file = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, compresslevel=LEVEL, mtime=0)
        self._buffer = bytearray()

    def add(self, item: Item) -> None:
        """Write an item."""
        _ENCODER.encode_into(item, self._buffer)
        self._buffer += b"\n"
        try:
            self._file.write(self._buffer)
        except OSError as error:
            raise self._refused(error) from error
        self._buffer.clear()

    def close(self) -> None:
        """Write what is left."""
        try:
            self._file.close()
            self._raw.close()
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> ExportError:
        return ExportError(f"{self._path} cannot be written: {error.strerror}. There is no export.")


def read(file: Path) -> Iterator[Item]:
    """Give the items of an export. Raises ExportError where it is none, is damaged, or was cut off."""
    number = rank = 0
    ended = False
    try:
        with file.open("rb") as raw, gzip.GzipFile(fileobj=cast(IO[bytes], raw)) as lines:
            # what is compressed can be a thousand times as long as the file: no line is taken in whatever its length
            while line := lines.readline(LONGEST + 1):
                number += 1
                if number == 1 and not line.startswith(BEGINNING):
                    raise ExportError(f"{file} is no export of `pcare audit export`.")
                if len(line) > LONGEST:
                    raise ExportError(f"{file} is no export: its line {number} is longer than any that is written.")
                if ended:
                    raise ExportError(
                        f"{file} is damaged: it goes on behind line {number - 1}, which says it is whole."
                    )
                item = _DECODER.decode(line)
                if isinstance(item, Header) and item.format != FORMAT:
                    raise ExportError(
                        f"{file} is in format {item.format}; this pcare reads {FORMAT}. Take a newer one."
                    )
                if ORDER[type(item)] < rank or (isinstance(item, Header) and number > 1):
                    raise ExportError(f"{file} is damaged: its line {number} stands behind others that follow on it.")
                rank = ORDER[type(item)]
                ended = isinstance(item, End)
                yield item
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, RecursionError) as error:
        raise ExportError(f"{file} cannot be read after line {number}: {error}.") from error
    if not ended:
        raise ExportError(f"{file} was cut off after line {number}: it does not say that it is whole. Export again.")


def write(file: Path, items: Iterable[Item]) -> int:
    """Write an export of these items, and return how many leaves it has."""
    writer = Writer(file)
    leaves = 0
    for item in items:
        writer.add(item)
        leaves += isinstance(item, Leaf)
    writer.close()
    return leaves
