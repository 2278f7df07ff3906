"""A checkpoint: what the whole record was at a time, in a few lines that are signed; C2SP's `tlog-checkpoint`.

    uk.nhs.ncl.personalised-care/<name of the log>
    <number of leaves>
    <root, base64>
    time <when it was made, UTC>
    acts <position> <hash of the act there, hex>
    covers <topic>/<partition> <offset>

The lines after the root are this system's. `covers` says of each partition that all that came from below the offset is
in: the order of the leaves follows from these lines alone, whatever became of the database.
"""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

ORIGIN_PREFIX: Final = "uk.nhs.ncl.personalised-care/"
MERGES: Final = "pcare.acts/0"
"""Where merges come from, as `covers` names a partition."""

LARGEST_OFFSET: Final = 2**63 - 1
LARGEST_PARTITION: Final = 2**31 - 1
"""As Kafka and PostgreSQL have them: no larger number is handed to either."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_PARTITION = re.compile(r"[a-zA-Z0-9._-]{1,249}/(0|[1-9][0-9]{0,9})")
_HASH = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


Value = TypeVar("Value")


class CheckpointError(Exception):
    """The text is no checkpoint. The message says in which line."""


class ActsHead(NamedTuple):
    """How far the audit trail had come, and the hash of the act there."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of `size` leaves with its `root`. `covers` is by `topic/partition`; `time` is aware."""

    origin: str
    size: int
    root: bytes
    time: dt.datetime
    acts: ActsHead | None = None
    covers: Mapping[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Return the lines that are signed, the same for the same checkpoint."""
        time = self.time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), f"time {time}"]
        if self.acts is not None:
            lines.append(f"acts {self.acts.position} {self.acts.hash.hex()}")
        lines += [f"covers {partition} {offset}" for partition, offset in in_order(self.covers)]
        return "".join(f"{line}\n" for line in lines)

    def __str__(self) -> str:
        return f"of {self.size:,} leaves, {self.time:%Y-%m-%d %H:%M:%S} UTC"


def origin_of(log_name: str) -> str:
    """Return the first line of the checkpoints of a log with this name."""
    return f"{ORIGIN_PREFIX}{log_name}"


def place(partition: str) -> tuple[str, int]:
    """Return topic and number of a partition as `covers` names it."""
    topic, _, number = partition.rpartition("/")
    return topic, int(number)


def in_order(covers: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the partitions as their leaves follow each other: by topic, then by number."""
    return sorted(covers.items(), key=lambda one: place(one[0]))


def parse(text: str) -> Checkpoint:
    """Read what `Checkpoint.text` wrote, to the byte. Raises CheckpointError for anything else."""
    lines = text.split("\n")
    if len(lines) < 5 or lines[-1] != "":
        raise CheckpointError("A checkpoint has at least four lines, and each ends with a newline.")
    origin, size, root, time, *rest = lines[:-1]
    if not origin.startswith(ORIGIN_PREFIX):
        raise CheckpointError(f"Line 1 of the checkpoint is no log of this system: {ORIGIN_PREFIX}<name>.")
    acts, covers = _extensions(rest)
    checkpoint = Checkpoint(origin, _number(size, 2), _root(root), _time(time), acts, covers)
    if checkpoint.text() != text:  # one checkpoint has one text: two that differ in a byte are told apart
        raise CheckpointError("The checkpoint is not written as checkpoints are: the order of its lines, or a number.")
    return checkpoint


def _extensions(lines: list[str]) -> tuple[ActsHead | None, dict[str, int]]:
    acts: ActsHead | None = None
    covers: dict[str, int] = {}
    for number, line in enumerate(lines, 5):
        match line.split(" "):
            case ["acts", position, digest] if acts is None and _HASH.fullmatch(digest):
                acts = ActsHead(_number(position, number), bytes.fromhex(digest))
            case ["covers", partition, offset] if _is_partition(partition) and partition not in covers:
                covers[partition] = _number(offset, number)
            case _:
                raise CheckpointError(f"Line {number} of the checkpoint says nothing that is known.")
    return acts, covers


def _is_partition(text: str) -> bool:
    return _PARTITION.fullmatch(text) is not None and place(text)[1] <= LARGEST_PARTITION


def _number(text: str, line: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_OFFSET:
        raise CheckpointError(f"Line {line} of the checkpoint has no number where one must be.")
    return int(text)


def _root(text: str) -> bytes:
    return _read(lambda: base64.b64decode(text, validate=True), lambda root: len(root) == 32, "Line 3 is no root.")


def _time(text: str) -> dt.datetime:
    said = text.removeprefix("time ")
    if said == text or not _TIME.fullmatch(said):
        raise CheckpointError("Line 4 of the checkpoint does not say its time in UTC.")
    return _read(lambda: dt.datetime.fromisoformat(said), lambda time: time.tzinfo is not None, "Line 4 is no time.")


def _read(read: Callable[[], Value], holds: Callable[[Value], bool], otherwise: str) -> Value:
    try:
        value = read()
    except (ValueError, binascii.Error):
        raise CheckpointError(otherwise) from None
    if not holds(value):
        raise CheckpointError(otherwise)
    return value
