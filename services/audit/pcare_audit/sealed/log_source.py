"""What the log says of what was sealed, from Kafka alone: its checkpoints, its merges of persons, and its records."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pcare_audit.checkpoint import (
    LARGEST_OFFSET,
    LARGEST_PARTITION,
    MERGES,
    Checkpoint,
    CheckpointError,
    parse,
    place,
)
from pcare_audit.log_reading import end_of, read_raw
from pcare_audit.sealed.items import MergeOf, SealedCheckpoint, Unsealed
from pcare_audit.signed_note import NoteError, split
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE
from pcare_schemas.sealed import checkpoint_text, read_checkpoint
from pcare_schemas.topics import CHECKPOINTS, RECORDED, SUBMITTED_PATTERN

STRAYS_LISTED = 1_000


class _MergeData(msgspec.Struct, gc=False):
    gone: str | None = None
    kept: str | None = None


class _Record(msgspec.Struct, gc=False):
    origin: str
    type: str
    data: _MergeData


_SUBMITTED = re.compile(SUBMITTED_PATTERN)
_RECORDS = msgspec.json.Decoder(_Record)


@dataclass(slots=True)
class LogRecords:
    """Reads a log once, and keeps what else it says: the merges, and what is no event, or of no place."""

    options: Mapping[str, Any]
    topic: str = RECORDED
    tell: Callable[[], None] = lambda: None
    merges: list[MergeOf] = field(default_factory=list)
    strays: list[Unsealed] = field(default_factory=list)

    def records(self) -> Iterator[tuple[str, int, int, str]]:
        """Give each record by the topic, partition and offset of its origin. Raises LogUnreadableError."""
        for record in read_raw(self.options, self.topic):
            self.tell()
            try:
                said = _RECORDS.decode(record.value)
                origin = Origin.parse(said.origin)
                text = record.value.decode()
            except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
                at = f"{record.topic}/{record.partition}/{record.offset}"
                self._stray(at, "", "this record of the log is no event: nothing here writes such")
                continue
            if not _is_place(origin):
                words = "no submitted event and no act has such a place: it was put in on the log"
                self._stray(said.origin, text, words)
                continue
            if said.type == SUBJECTS_MERGED_TYPE and said.data.gone and said.data.kept:
                self.merges.append(MergeOf(said.data.gone, said.data.kept, origin.offset))
            yield origin.topic, origin.partition, origin.offset, text

    def _stray(self, place: str, text: str, words: str) -> None:
        if len(self.strays) < STRAYS_LISTED:
            self.strays.append(Unsealed(place, text, words))


def _is_place(origin: Origin) -> bool:
    """Whether anything that is recorded can come from there, now or ever: else it would wait for ever to be sealed."""
    if origin.partition > LARGEST_PARTITION or origin.offset > LARGEST_OFFSET:
        return False
    return (origin.topic, origin.partition) == place(MERGES) or _SUBMITTED.fullmatch(origin.topic) is not None


def read_checkpoints(options: Mapping[str, Any], topic: str = CHECKPOINTS) -> tuple[list[SealedCheckpoint], int]:
    """Return the checkpoints that are published, and the topic's end before they were read.

    The end is Kafka's own, and not that of what was read: a topic that was emptied keeps it. Raises LogUnreadableError.
    """
    end = end_of(options, topic)
    return [_sealed(topic, str(record.offset), record.value or b"") for record in read_raw(options, topic)], end


def _sealed(topic: str, at: str, value: bytes) -> SealedCheckpoint:
    try:
        data = read_checkpoint(value).data
    except (msgspec.MsgspecError, RecursionError):
        return SealedCheckpoint(topic, at, value.decode(errors="replace"), 0)  # no note: the verification says so
    spoilt = ""
    with suppress(CheckpointError, NoteError):
        checkpoint = parse(split(data.note)[0])
        around = checkpoint_text(data.note, origin=checkpoint.origin, size=checkpoint.size, made_at=checkpoint.time)
        spoilt = "" if around == value else "what stands around its note was changed"
    return SealedCheckpoint(topic, at, data.note, data.size, spoilt)


def claimed(notes: Iterable[SealedCheckpoint]) -> Sequence[Checkpoint]:
    """Return what the notes say, from the oldest on, whoever signed them: enough to read in their order, no more."""
    said: dict[str, Checkpoint] = {}
    for one in notes:
        with suppress(CheckpointError, NoteError):  # whoever verifies says so
            said[one.note] = parse(split(one.note)[0])
    return sorted(said.values(), key=lambda one: (one.size, one.time))
