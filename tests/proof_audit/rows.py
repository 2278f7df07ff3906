"""What whoever owns the database could do to what was sealed."""

import re

from proof_audit.sealed_event import SealedEvent, in_the_middle
from proof_audit.stage import Stage
from proof_audit.untouched import VERIFIED
from proof_provider.checks import Checks

TEXT = (
    'UPDATE pcare.published SET published = replace(published::text, \'"specversion":"1.0"\', '
    '\'"specversion":"1.1"\')::json WHERE {here}'
)
HASH = (
    "UPDATE pcare.leaves SET hash = (SELECT sha256('\\x00'::bytea || convert_to(published::text, 'UTF8')) "
    "FROM pcare.published AS p WHERE p.origin_topic = '{topic}' AND p.origin_partition = {partition} "
    "AND p.origin_offset = {offset}) WHERE leaf = {number}"
)
BYTE = "UPDATE pcare.leaves SET hash = set_byte(hash, 5, get_byte(hash, 5) # 1) WHERE leaf = {number}"
LEAF = "DELETE FROM pcare.leaves WHERE leaf = {number}"
ROW = "DELETE FROM pcare.interventions WHERE {here}"
PUBLISHED = "DELETE FROM pcare.published WHERE {here}"
ASIDE = "UPDATE pcare.leaves SET leaf = leaf + 100000000 WHERE leaf IN ({other}, {number})"
BACK = "UPDATE pcare.leaves SET leaf = {number} + {other} - (leaf - 100000000) WHERE leaf >= 100000000"
SWAP_TEXTS = (
    "UPDATE pcare.published AS p SET published = q.published FROM pcare.published AS q, pcare.leaves AS a, "
    "pcare.leaves AS b WHERE a.leaf + b.leaf = {other} + {number} AND a.leaf IN ({other}, {number}) "
    "AND (p.origin_topic, p.origin_partition, p.origin_offset) = (a.origin_topic, a.origin_partition, a.origin_offset) "
    "AND (q.origin_topic, q.origin_partition, q.origin_offset) = (b.origin_topic, b.origin_partition, b.origin_offset)"
)

ELSEWHERE = (
    "INSERT INTO pcare.published (origin_topic, origin_partition, origin_offset, published) "
    "SELECT origin_topic, 999, 7, published FROM pcare.published WHERE {here}"
)
ELSEWHERE_TOO = ELSEWHERE.replace("999, 7", "999, 8")
SPOILT = ("{}", "[]", '{"origin": 7}')
STRANGER = "11111111-1111-4111-8111-111111111111"
MERGE = (
    "INSERT INTO pcare.merges (gone, kept, merged_at, published, sources, ids, published_at) "
    f"SELECT replace(p.published ->> 'subject', 'person:', '')::uuid, '{STRANGER}', now(), "
    f"json_build_object('origin', 'pcare.acts/0/ACT', 'data', json_build_object('gone', p.published ->> 'subject', "
    f"'kept', 'person:{STRANGER}')), ARRAY[]::text[], ARRAY[]::text[], now() FROM pcare.published AS p WHERE {{here}}"
)
MOVED = (
    "UPDATE pcare.published SET published = replace(published::text, published ->> 'subject', "
    f"'person:{STRANGER}')::json WHERE {{here}}"
)

TAMPERS: dict[str, tuple[tuple[str, ...], str]] = {
    "a byte of a text": ((TEXT,), "ALTERED: {named}: its text is not the one"),
    "a byte of a leaf": ((BYTE,), "ALTERED: {named}: the row of the leaf was changed: its record is what was sealed"),
    "a text, and its leaf to match": ((TEXT, HASH), "ALTERED: {named}: the row of the leaf was changed"),
    "a row of the events": ((ROW,), "REMOVED: {named}: its row in pcare.interventions is gone"),
    "a text": ((PUBLISHED,), "REMOVED: {named}: its record is gone"),
    "an event whole": ((ROW, PUBLISHED), "REMOVED: {named}: its record is gone"),
    "a leaf": ((LEAF,), "REMOVED: {named}: it has no leaf any more"),
    "an event and its leaf, without a trace": ((ROW, PUBLISHED, LEAF), "REMOVED: {named}: it has no leaf any more"),
    "two leaves change places": ((ASIDE, BACK), "REORDERED: event {event}, leaf {other}, "),
    "two texts change places": ((SWAP_TEXTS,), "REORDERED: {named}: its record is the one of leaf {other}:"),
}


async def play(stage: Stage, checks: Checks) -> None:
    """Each of them is found, and named by event, leaf and origin; put right, the record is whole."""
    event = await in_the_middle(stage)
    for what, (statements, finding) in TAMPERS.items():
        async with stage.tampered(*(_about(event, statement) for statement in statements)):
            found = await stage.verify()
        named = finding.format(named=event.named, event=re.escape(f"{event.source} {event.id}"), other=event.other)
        checks.that(f"{what}: found and named", found.status == 1 and found.says(named), f"{named}: {found.output}")
        checks.that(f"{what}: and verified is not said", not found.says("^VERIFIED"), found.output)
    await _added(stage, checks, event)
    whole = await stage.verify()
    checks.that("put right, it is whole", whole.status == 0 and whole.says(VERIFIED), whole.output)


async def _added(stage: Stage, checks: Checks, event: SealedEvent) -> None:
    free = await stage.one(
        "SELECT topic, partition, number FROM pcare.cursors, generate_series(0, next_offset - 1) AS number "
        "WHERE NOT EXISTS (SELECT FROM pcare.published WHERE origin_topic = topic AND origin_partition = partition "
        "AND origin_offset = number) LIMIT 1"
    )
    text = (
        "INSERT INTO pcare.published (origin_topic, origin_partition, origin_offset, published) "
        f"SELECT '{free[0]}', {free[1]}, {free[2]}, published FROM pcare.published WHERE {event.here}"
    )
    async with stage.tampered(text):
        found = await stage.verify()
    named = f"ADDED: event {event.source} {event.id}, from {free[0]}/{free[1]}/{free[2]}"
    checks.that("an event put in: found and named", found.status == 1 and found.says(named), found.output)
    async with stage.tampered(*(statement.format(here=event.here) for statement in (ELSEWHERE, ELSEWHERE_TOO))):
        found = await stage.verify()
    named = f"ADDED: event {event.source} .*from {event.topic}/999/7: no recorder has come so far"
    checks.that("a row put in where no recorder was: found", found.status == 1 and found.says(named), found.output)
    for spoilt in SPOILT:
        async with stage.tampered(f"UPDATE pcare.merges SET published = '{spoilt}'"):
            found = await stage.verify()
        named = r"ADDED: from pcare.acts/\S+: what pcare.merges has of person:\S+ is no merge"
        checks.that(f"a merge made {spoilt}: found", found.status == 1 and found.says(named), found.output)
    (act,) = await stage.one("SELECT max(split_part(published ->> 'origin', '/', 3)::bigint) FROM pcare.merges")
    for put_in, said in ((act, "stands below what is sealed"), (act + 1_000, None)):
        async with stage.tampered(
            *(_about(event, statement).replace("ACT", str(put_in)) for statement in (MERGE, MOVED))
        ):
            found = await stage.verify()
        if said is None:  # a merge before it is sealed looks so
            named = "1 merges of persons are sealed by no checkpoint yet"
            checks.that("a merge not sealed: said to be not proven", found.says(named), found.output)
        else:
            named = f"ADDED: .*from pcare.acts/0/{act}: the merge of .* {said}"
            checks.that("a made-up merge: found", found.status == 1 and found.says(named), found.output)


def _about(event: SealedEvent, statement: str) -> str:
    return statement.format(
        here=event.here,
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        number=event.number,
        other=event.other,
    )
