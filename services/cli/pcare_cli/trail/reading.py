"""Reads the trail from the database, with the links of its chain, and the heads that checkpoints carry."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence

import asyncpg

from pcare_audit.acts_chain import Act, Head, Link, Verdict, Verification, heads_of_note
from pcare_audit.signed_note import NoteError, Opens
from pcare_schemas.instants import utc_milliseconds

AT_ONCE = 1000

# a time that Python cannot hold is none, and a text beside it: nothing here writes such, an owner can
_ENTRIES = """
SELECT c.position, c.act, c.previous, c.hash, a.number,
       CASE WHEN a.at >= '0001-01-02 UTC' AND a.at < '9999-12-31 UTC' THEN a.at END AS at, a.at::text AS at_said,
       a.who, a.login, a.what, a.why, a.details
FROM pcare.acts_chain AS c FULL JOIN pcare.acts AS a ON a.number = c.act
ORDER BY c.position NULLS LAST, a.number
"""
_SOME = """
SELECT c.position, a.number,
       CASE WHEN a.at >= '0001-01-02 UTC' AND a.at < '9999-12-31 UTC' THEN a.at END AS at, a.at::text AS at_said,
       a.who, a.login, a.what, a.why, a.details
FROM pcare.acts AS a LEFT JOIN pcare.acts_chain AS c ON c.act = a.number
WHERE ($1::timestamptz IS NULL OR a.at >= $1) AND (cardinality($2::text[]) = 0 OR a.what = ANY($2))
ORDER BY c.position NULLS LAST, a.number
"""
_CHECKPOINTS = """
SELECT CASE WHEN c.made_at >= '0001-01-02 UTC' AND c.made_at < '9999-12-31 UTC' THEN c.made_at END AS made_at,
       c.made_at::text AS made_at_said, c.note
FROM pcare.checkpoints AS c ORDER BY c.size, c.made_at
"""
_NO_TIME = dt.datetime(1, 1, 2, tzinfo=dt.UTC)


async def acts(
    connection: asyncpg.Connection, since: dt.datetime | None, what: Sequence[str]
) -> AsyncIterator[tuple[int | None, Act]]:
    """Give the acts asked for with their positions, in the order of the chain. Call it in a transaction."""
    async for row in connection.cursor(_SOME, since, list(what), prefetch=AT_ONCE):
        yield row["position"], _act(row)


async def look_through(
    connection: asyncpg.Connection, kept: Sequence[Head], key: Opens | None
) -> tuple[Verification, int]:
    """Look at every act and link there is, with these heads and those of the checkpoints; tell how many those are.

    A checkpoint that `key` did not sign is found, and its head counts for nothing; without a key each is believed.
    Call it in a transaction that sees one moment: the checkpoints' heads have to be of the chain that is looked at.
    """
    heads = list(kept)
    refused = []
    async for row in connection.cursor(_CHECKPOINTS, prefetch=AT_ONCE):
        made = row["made_at_said"] if row["made_at"] is None else utc_milliseconds(row["made_at"])
        said = f"the checkpoint of {made}"
        note = row["note"] or ""
        try:
            heads += heads_of_note(note if key is None else key.open(note), said)
        except (NoteError, ValueError) as error:
            refused.append(f"{said} is not as it was signed: {error}")
    verification = Verification(heads)
    for sentence in refused:
        verification.tell(sentence)
    await _look(connection, verification)
    return verification, len(heads) - len(kept)


async def look_at_chain(connection: asyncpg.Connection) -> Verdict:
    """Look at every act and link there is, by themselves: whoever verifies checkpoints holds those to the trail."""
    verification = Verification()
    await _look(connection, verification)
    return verification.verdict()


async def _look(connection: asyncpg.Connection, verification: Verification) -> None:
    async for row in connection.cursor(_ENTRIES, prefetch=AT_ONCE):
        link = None
        if row["position"] is not None:
            link = Link(row["position"], row["act"], row["previous"] or b"", row["hash"] or b"")
        verification.look(link, None if row["number"] is None else _act(row))


def _act(row: asyncpg.Record) -> Act:
    empty = [name for name in ("who", "login", "what", "why", "details") if row[name] is None]
    odd = f"it has no {' and no '.join(empty)}" if empty else ""
    if row["at"] is None:
        odd = f"no act was done at the time that it says ({row['at_said']})"
    return Act(
        row["number"],
        row["at"] or _NO_TIME,
        row["who"] or "",
        row["login"] or "",
        row["what"] or "",
        row["why"] or "",
        row["details"] or "{}",
        odd,
    )
