"""An export of the database beside one of the log: which checkpoints the two must have in common. Pure."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from pcare_audit.checkpoint import Checkpoint, CheckpointError, parse
from pcare_audit.sealed.items import ExportError, Header, Item, SealedCheckpoint
from pcare_audit.sealed.log_source import claimed
from pcare_audit.sealed.opening import UNPUBLISHED
from pcare_audit.sealed.verifying import DATABASE, LOG
from pcare_audit.signed_note import NoteError, Opens
from pcare_cli.proving.database_source import TABLE
from pcare_schemas.topics import CHECKPOINTS

PLACES = (TABLE, CHECKPOINTS)
CLOCKS_APART = dt.timedelta(seconds=10)
"""A checkpoint that was made so shortly before the database was exported may have been committed just after."""


class NotTogetherError(ExportError):
    """The two files cannot be held against each other. The message says which to take in their place."""


class Together(NamedTuple):
    """The checkpoints of both, each in its place, without those after the database's; `beyond` is the last of these."""

    notes: list[SealedCheckpoint]
    beyond: Checkpoint | None


def together(key: Opens, database: Sequence[Item], log: Sequence[Item]) -> Together:
    """Return what to hold the two against, by what stands before their leaves.

    What only the log has is left out if it is newer than the export of the database, as it may well be; all else that
    is missing in either is to be found. Raises NotTogetherError where the log was exported first, or is none.
    """
    made = _made(database, DATABASE, "FILE is no export of the database: `pcare audit export` makes one.")
    _made(log, LOG, "What --log names is no export of the log: `pcare audit export --from-log` makes one.")
    of_database, of_log = list(_notes(database, TABLE)), list(_notes(log, CHECKPOINTS))
    sealed = _signed(key, of_database)
    last = max(map(_place, sealed.values()), default=(-1, dt.datetime.min.replace(tzinfo=dt.UTC)))
    published = _signed(key, (one for one in of_database if one.at != UNPUBLISHED))
    _check_that_the_log_is_newer(published.values(), claimed(of_log))
    later = {
        note: one
        for note, one in _signed(key, of_log).items()
        if note not in sealed and _place(one) > last and made is not None and one.time > made - CLOCKS_APART
    }
    notes = [*of_database, *(one for one in of_log if one.note not in later)]
    return Together(notes, max(later.values(), key=_place, default=None))


def _check_that_the_log_is_newer(of_database: Iterable[Checkpoint], of_log: Sequence[Checkpoint]) -> None:
    newest = max(of_database, key=_place, default=None)
    if newest is not None and (not of_log or _place(of_log[-1]) < _place(newest)):
        ends = f"ends with the checkpoint {of_log[-1]}" if of_log else "has no checkpoint"
        raise NotTogetherError(
            f"The export of the log {ends}, and the database was exported with the one {newest}. Export the log after "
            "the database: `pcare audit export --from-log`. If it is so again, the end of the topic was cut off: "
            "`pcare audit verify` says what is missing there."
        )


def _made(head: Iterable[Item], source: str, otherwise: str) -> dt.datetime | None:
    header = next((item for item in head if isinstance(item, Header)), None)
    if header is None or header.source != source:
        raise NotTogetherError(otherwise)
    try:
        made = dt.datetime.fromisoformat(header.made)
    except ValueError:
        return None
    return made if made.tzinfo is not None else None


def _notes(head: Iterable[Item], place: str) -> Iterator[SealedCheckpoint]:
    """Give the checkpoints of a file under the name of their place, whatever the file calls it."""
    return (msgspec.structs.replace(item, place=place) for item in head if isinstance(item, SealedCheckpoint))


def _signed(key: Opens, notes: Iterable[SealedCheckpoint]) -> dict[str, Checkpoint]:
    """Return by note what was signed; what was not, the verification names."""
    found = {}
    for one in notes:
        try:
            found[one.note] = parse(key.open(one.note))
        except (NoteError, CheckpointError):
            continue
    return found


def _place(checkpoint: Checkpoint) -> tuple[int, dt.datetime]:
    return checkpoint.size, checkpoint.time
