"""The tables that are read from end to end: rows of events, and links."""

from collections.abc import Sequence
from typing import Any

import msgspec

from pcare_audit.replaying import joining, linking
from pcare_audit.replaying.columns import COLUMNS, digest, held
from pcare_audit.replaying.joining import MOST_PARTITIONS, NOTHING, ROW, pack
from pcare_audit.replaying.result import Difference, Event, Kind
from pcare_cli.replaying import database
from pcare_cli.replaying.part import Part
from pcare_schemas.origin import Origin

_ORIGIN = 3
_VERSION = _ORIGIN + COLUMNS.index("rules_version")
_SOURCE, _ID = _ORIGIN + COLUMNS.index("source"), _ORIGIN + COLUMNS.index("id")


async def read_rows(part: Part, first: int, end: int) -> None:
    """Sort the rows of some blocks of pcare.interventions into buckets, each as a digest of what it holds."""
    places = {topic: number for number, topic in enumerate(part.frame.places)}
    buckets, add, versions = part.frame.buckets, part.spill.add, part.findings.versions
    async for rows in database.rows(part.connection, first, end):
        for row in rows:
            topic, partition, offset = row[0], row[1], row[2]
            versions[row[_VERSION]] += 1
            number = places.get(topic)
            if number is None or offset < 0 or not 0 <= partition < MOST_PARTITIONS:
                _of_nowhere(part, Origin(topic, partition, offset), Event(row[_SOURCE], row[_ID]))
                continue
            entry = pack(number, partition, offset, ROW, 0, NOTHING, _digest(row), 0, 0)
            add(joining.bucket_of(partition, offset, buckets), entry)
        part.findings.counts["rows"] += len(rows)
        part.say(len(rows))


def _digest(row: Sequence[Any]) -> bytes:
    try:
        return digest(held(row[_ORIGIN:]))
    except (msgspec.MsgspecError, OverflowError, ValueError, TypeError):
        return NOTHING  # what no event can say, such as a number without bounds: it is like no event's


def _of_nowhere(part: Part, origin: Origin, event: Event) -> None:
    words = "A row is of an origin of which nothing was ever judged or published."
    part.findings.differ("rows", Difference(Kind.ROW_NOT_IN_LOG, words, event, str(origin)))


async def read_links(part: Part) -> None:
    """Sort the links of pcare.subjects into buckets."""
    places = {topic: number for number, topic in enumerate(part.frame.places)}
    async for rows in database.links(part.connection):
        for pseudonym, subject, linked_at, version, topic, partition, offset in rows:
            if topic not in places or offset < 0 or not 0 <= partition < MOST_PARTITIONS:
                words = "A link is of an origin of which nothing was ever judged or published."
                place = str(Origin(topic, partition, offset))
                part.findings.differ("links", Difference(Kind.LINK_DIFFERS, words, place=place))
                continue
            name = linking.digest_of(pseudonym)
            entry = linking.Entry(
                name,
                linking.TABLE,
                0,
                linking.subject_bytes(subject),
                linking.said_of(subject, linked_at, Origin(topic, partition, offset), version),
                linking.milliseconds(linked_at),
                places[topic],
                partition,
                offset,
                0,
                0,
            )
            part.links.add(linking.bucket_of(name, part.frame.buckets), entry.packed())
        part.say(len(rows))
