"""One partition of this worker, and the records that come live for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pcare_kpi_aggregator.log_reader import LogReader
from pcare_kpi_aggregator.partition import NOTHING_APPLIED, PartitionState

_RECORD_BYTES = 200
"""What a record costs in memory beside its value."""


class Phase(StrEnum):
    """Where a partition is on its way to being counted."""

    SUSPENDED = "suspended"
    READING = "reading"
    READY = "ready"
    BLOCKED = "blocked"


class LogRecord(Protocol):
    """A record of the log as aiokafka has it. `timestamp` is the broker's, in milliseconds."""

    offset: int
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(slots=True)
class Owned:
    """One partition of this worker. While `reader` is set, only that reader's thread may touch `state`."""

    state: PartitionState
    phase: Phase = Phase.SUSPENDED
    end: int = 0
    reader: LogReader | None = None
    held: list[LogRecord] = field(default_factory=list)
    dropped_through: int = NOTHING_APPLIED
    blocked_at: int | None = None


def bytes_of(record: LogRecord) -> int:
    """Return about how many bytes it takes to hold a record."""
    return _RECORD_BYTES + len(record.value or b"")
