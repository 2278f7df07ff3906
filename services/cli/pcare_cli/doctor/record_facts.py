"""What the doctor sees of the record: where both cursors stand, and what the tables say beside. Facts alone."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from pcare_cli.accounting import Cursor as Counts
from pcare_recorder.cursors import Cursor, Held, Partition


@dataclass(frozen=True, slots=True)
class Progress:
    """Both cursors of every partition of submitted events, and what moved in the seconds between two looks.

    `committed` was read before `cursors`, and `held` after: in another order a recorder at work would look wrong.
    `last` is, by partition, when the last record that was judged came (milliseconds), `found` what Kafka has of then.
    """

    committed: Mapping[Partition, int]
    cursors: Mapping[Partition, Cursor]
    held: Mapping[Partition, Held]
    later: Mapping[Partition, Cursor]
    later_committed: Mapping[Partition, int]
    seconds: float
    last: Mapping[Partition, int] = field(default_factory=dict)
    found: Mapping[Partition, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expiring:
    """A provider's credential that is the last to be valid, and until when. `code` is its code in the register."""

    code: str
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Record:
    """What the tables say. `now` is PostgreSQL's clock.

    `rotating_since`: since when the pseudonym key is being changed. `merges_waiting_since`: the oldest merge that no
    recorder has published. `last_credentials`: of each provider that has any, the one that is valid longest.
    """

    now: dt.datetime
    counts: tuple[Counts, ...]
    rotating: tuple[str, str] | None
    rotating_since: dt.datetime | None
    merges_waiting_since: dt.datetime | None
    rebuilding: bool
    providers: int
    last_credentials: tuple[Expiring, ...]
