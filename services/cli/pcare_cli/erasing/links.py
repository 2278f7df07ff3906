"""Which pseudonyms are one person's: by the table of links, and by the topic of subjects.

An NHS number gives the pseudonyms under the keys of today. A person has more: of another number that was merged, or of
a key that is no longer there. What leads from one to the other is the subject, and merges of subjects.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from pcare_cli.erasing.names import Names
from pcare_recorder import rebuild_rows
from pcare_recorder.log_reader import LogReader
from pcare_schemas.topics import SUBJECTS

_PERSON = """
WITH RECURSIVE same (subject) AS (
    SELECT subject_id FROM pcare.subjects WHERE pseudonym = ANY($1::text[])
    UNION
    SELECT subject FROM unnest($2::uuid[]) AS asked (subject)
    UNION
    SELECT other.subject
    FROM same JOIN pcare.merges AS m ON same.subject IN (m.gone, m.kept)
    CROSS JOIN LATERAL (VALUES (m.gone), (m.kept)) AS other (subject)
)
SELECT same.subject, s.pseudonym FROM same LEFT JOIN pcare.subjects AS s ON s.subject_id = same.subject
"""


@dataclass(slots=True)
class Person:
    """All that leads to one person: pseudonyms, and the subjects of the log. `linked` are those that the table links.

    `on_topic` are the pseudonyms that the topic links, by its last record of each; `records` of it hold a link of
    theirs, those that compaction is about to remove among them.
    """

    names: set[str]
    subjects: set[UUID] = field(default_factory=set)
    linked: set[str] = field(default_factory=set)
    on_topic: dict[str, UUID] = field(default_factory=dict)
    records: int = 0

    @property
    def to_bury(self) -> list[str]:
        """The pseudonyms whose last record on the topic must be an empty one."""
        return sorted(self.linked | self.on_topic.keys())


class ContradictionError(Exception):
    """The table and the topic link one pseudonym to two persons."""


async def in_table(connection: asyncpg.Connection, names: Iterable[str], subjects: Iterable[UUID]) -> Person:
    """Return who these pseudonyms and subjects are, by the tables."""
    found = await connection.fetch(_PERSON, list(names), list(subjects))
    linked = {row["pseudonym"] for row in found if row["pseudonym"] is not None}
    return Person({*names, *linked}, {row["subject"] for row in found}, linked)


async def find(connection: asyncpg.Connection, log: LogReader, given: Iterable[str]) -> Person:
    """Return who these pseudonyms are, by table and topic. Raises ContradictionError."""
    person = await in_table(connection, given, ())
    while True:
        on_topic, records = await _on_topic(log, person)
        by_table = await in_table(connection, person.names | on_topic.keys(), person.subjects | set(on_topic.values()))
        for name, subject in on_topic.items():
            linked = await in_table(connection, [name], ())
            if name in by_table.linked and subject not in linked.subjects:
                raise ContradictionError
        known = len(person.names), len(person.subjects)
        person = by_table
        person.on_topic, person.records = on_topic, records
        if (len(person.names), len(person.subjects)) == known:
            return person


async def _on_topic(log: LogReader, person: Person) -> tuple[dict[str, UUID], int]:
    """Return what the topic links of these pseudonyms and to these subjects, and how many records say so.

    Of a pseudonym its last record counts: one before may be a mistake that somebody put right, about somebody else.
    """
    names, subjects = Names(person.names), [str(subject).encode() for subject in person.subjects]
    last: dict[str, UUID | None] = {}
    records = 0
    async for batch in log.read(SUBJECTS):
        for record in batch:
            name, value = record.key.decode(), record.value
            named = names.are_in(record.key)
            records += named and value is not None
            if not (named or name in last or (value is not None and any(one in value for one in subjects))):
                continue
            if value is None:
                last[name] = None
            elif not rebuild_rows.is_merge(value):
                last[name] = rebuild_rows.link(record.key, value).subject_id
    wanted = {
        name: subject
        for name, subject in last.items()
        if subject is not None and (name in person.names or subject in person.subjects)
    }
    return wanted, records
