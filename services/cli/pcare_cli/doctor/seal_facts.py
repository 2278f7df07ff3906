"""What the doctor sees of checkpoints: the newest of table and topic, and what waits for one. Facts alone."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint, as the table or the topic has it. `note` is to the byte what was signed."""

    size: int
    made_at: dt.datetime
    note: str


@dataclass(frozen=True, slots=True)
class Sealing:
    """What is sealed. `now` is PostgreSQL's clock.

    `unpublished` says that the newest one of the table is not on the topic as far as the table knows. `waits_since`:
    when the first event came that no checkpoint covers, None where all are. `held`: whether the table has, to the
    byte, the newest one of the topic.
    """

    now: dt.datetime
    table: Sealed | None
    topic: Sealed | None
    unpublished: bool
    held: bool
    waits_since: dt.datetime | None
