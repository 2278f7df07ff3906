"""The result of a replay as its file states it, read strictly: half a result would look whole."""

import math
from typing import Any

import msgspec


class ResultError(Exception):
    """The file is no result of a replay, or it contradicts itself. The message says what is wrong."""


class Program(msgspec.Struct, frozen=True):
    """Which program compared."""

    version: str
    commit: str | None = None


class Stretch(msgspec.Struct, frozen=True):
    """What was read of a partition: from an offset (inclusive) to another (exclusive)."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int
    records: int
    first_time: str | None = None
    last_time: str | None = None


class Scope(msgspec.Struct, frozen=True):
    """What was read. `whole`: from the first record to the last."""

    whole: bool
    topics: list[Stretch]


class RulesVersion(msgspec.Struct, frozen=True):
    """How many events were judged under a version of the rules."""

    version: str
    events: int


class Check(msgspec.Struct, frozen=True):
    """One comparison of all that there was to compare."""

    check: str
    words: str
    compared: int
    differences: int


class Event(msgspec.Struct, frozen=True):
    """An event's name: who sent it, and what they call it."""

    source: str
    id: str


class Difference(msgspec.Struct, frozen=True):
    """One place where two of the things compared are not alike."""

    kind: str
    words: str
    event: Event | None = None
    place: str | None = None
    field: str | None = None
    expected: Any = None
    found: Any = None


class Counted(msgspec.Struct, frozen=True):
    """A number, and what it is made of if it is a share or a mean."""

    value: int | float | None
    numerator: int | None = None
    denominator: int | None = None


class KpiRow(msgspec.Struct, frozen=True):
    """One number counted in three ways. One that was not counted in some way is None there.

    `replay_at_stream` is the replay of just what the running service had counted, where that was less than there is.
    """

    kpi: str
    borough: str
    year: str
    exact: bool
    replay: Counted | float | None = None
    sql: Counted | float | None = None
    stream: Counted | float | None = None
    replay_at_stream: Counted | float | None = None


class Kpis(msgspec.Struct, frozen=True):
    """All numbers as at one instant."""

    instant: str
    rows: list[KpiRow]


class Replayed(msgspec.Struct, frozen=True):
    """The whole result. `differences` lists the first of them; `differences_total` counts all.

    `left_out` says what was still on its way when the replay began, and so was not compared.
    """

    pcare: Program
    catalogue_sha256: str
    began: str
    ended: str
    scope: Scope
    rules_versions: list[RulesVersion]
    counts: dict[str, int | None]
    checks: list[Check]
    differences: list[Difference]
    differences_total: int
    equal: bool
    kpis: Kpis | None = None
    kpis_why_not: str | None = None
    troubles: list[str] = []
    left_out: list[str] = []


def read(document: bytes) -> Replayed:
    """Return the result that a file holds. Raises ResultError."""
    try:
        result = msgspec.json.decode(document, type=Replayed)
    except msgspec.MsgspecError as error:  # its words do not quote the file
        raise ResultError(
            f"It is no result of a replay: {error}. `pcare audit replay --json FILE` writes one."
        ) from error
    if (why := contradiction(result)) is not None:
        raise ResultError(f"The result contradicts itself: {why}. Replay again, and keep this file: somebody made it.")
    return result


def contradiction(result: Replayed) -> str | None:
    """Return in what a result contradicts itself, or None. A report must not call equal what lists differences."""
    listed, total = len(result.differences), result.differences_total
    unlike = [row for row in result.kpis.rows if not row.exact] if result.kpis else []
    if listed > total:
        return f"it lists {listed:,} differences and counts {total:,}"
    if total and not listed:
        return f"it counts {total:,} differences and lists none"
    if result.equal and (total or result.troubles or unlike or any(check.differences for check in result.checks)):
        return "it says equal, and names differences or troubles"
    if not (result.equal or total or result.troubles or unlike):
        return "it says not equal, and names neither a difference nor a trouble"
    return None


def counted(number: Counted | float | None) -> Counted | None:
    """Return a number in the longer of its two forms."""
    if number is None or isinstance(number, Counted):
        return number
    return None if math.isnan(number) else Counted(number)
